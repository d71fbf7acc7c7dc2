"""How bytes travel: frames, sockets, send queues, and the memory that they come from and go to."""
