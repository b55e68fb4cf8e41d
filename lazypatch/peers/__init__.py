"""Others who patch and hook: gevent.monkey's own functions, gevent's events, wrapt, ddtrace, other finders."""
