"""msgpack itself, whatever other libraries have put in its place.

``msgpack_numpy.patch()``, which bluesky-kafka calls when it is imported, replaces what the package
`msgpack` holds by functions that unpickle parts of what they read.
"""

try:
    from msgpack._cmsgpack import Packer, Unpacker, unpackb
except ImportError:  # where msgpack was not compiled
    from msgpack.fallback import Packer, Unpacker, unpackb

__all__ = ["Packer", "Unpacker", "unpackb"]
