"""What ``import lazypatch`` offers: the specification's functions, enable(), and the questions that can be asked."""
