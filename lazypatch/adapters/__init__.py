"""One file for each library that gevent leaves waiting in C, or breaks: what makes it behave as it does without."""
