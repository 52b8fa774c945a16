"""Places: the lists that live entries name, and the contacts that come near one."""
