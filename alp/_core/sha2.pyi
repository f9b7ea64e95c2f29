from typing import Never, final

HARDWARE: bool

def digest_of(
    data: bytes | bytearray | memoryview, digest: str, *, portable: bool = False
) -> bytes: ...

@final
class HmacKey:
    @property
    def long_digest(self) -> bool: ...
    def __init__(
        self, secret: bytes | bytearray | memoryview, digest: str, *, portable: bool = False
    ) -> None: ...
    def sign(self, data: bytes | bytearray | memoryview) -> bytes: ...
    def __reduce_ex__(self, protocol: object) -> Never: ...
