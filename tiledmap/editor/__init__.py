"""A mapping in an editor: what is wrong, what a word means, where it was said, what may come next.

Everything here is a function of texts and places in them; `server` alone speaks the language server
protocol.
"""
