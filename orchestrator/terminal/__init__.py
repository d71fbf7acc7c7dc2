"""What a person or a pipe gets to see: streams, consoles, and tables that lose nothing.

streams    standard input, output and error are open, and outlive their readers
letters    ASCII in place of what an encoding lacks
console    the two consoles: answers on standard output, messages on standard error
tables     tables that continue below, or become lists, where they are too wide
"""
