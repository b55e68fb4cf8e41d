"""What a frozen program runs before its own code: it reads no .pth file, and is to obey the variable all the same."""

import lazypatch

lazypatch._start()
