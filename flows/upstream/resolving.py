"""Names that lead inside are not followed: each address that a name stands for is looked at, and the connection made to
what was looked at (security.md Q15), since a name may be moved between the look and the call.
"""

import ipaddress
import socket

from aiohttp import ThreadedResolver
from aiohttp.abc import ResolveResult

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class CheckedResolver(ThreadedResolver):
    """Resolves what leads outside; `private` are the inside addresses that may be called all the same, as `address` or
    `address:port`, IPv6 in brackets.
    """

    def __init__(self, private: frozenset[str]) -> None:
        super().__init__()
        self._private = private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """All addresses or, when one of them must not be called, none: raises `OSError`."""
        found = await super().resolve(host, port, family)
        for one in found:
            written = f"[{one['host']}]" if ":" in one["host"] else one["host"]
            if not is_public(one["host"]) and not {written, f"{written}:{port}"} & self._private:
                raise OSError("an inside address")
        return found


def is_public(text: str) -> bool:
    """Is it an address of the Internet, by whatever way it is written into IPv6? False too for what is no address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner or address in _NAT64:
            return is_public(str(inner or ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)))
    return address.is_global and not address.is_multicast
