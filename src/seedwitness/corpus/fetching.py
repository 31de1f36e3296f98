"""Fetch a picture behind a URL: only when asked to, of limited size, and from no private address.

The URL comes from a stranger's table. So that it cannot reach into the network of whoever runs
this, the name is resolved first, every address must be public, and the connection goes to the
address that was checked and not to whatever the name means a moment later. The same holds for every
redirect. Proxies of the environment are not used.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from threading import Timer
from urllib.parse import urljoin, urlsplit

from PIL import Image

from seedwitness.errors import PictureError
from seedwitness.imaging.decoding import decode_image_bytes

PORTS = {"http": 80, "https": 443}
REDIRECTS = frozenset((301, 302, 303, 307, 308))
PIECE_BYTES = 65_536
NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class FetchLimits:
    """How much is fetched, for how long, and from where."""

    max_bytes: int = 20 * 2**20
    timeout: float = 20.0
    """Seconds for the whole, redirects included."""
    max_redirects: int = 3
    allow_private: bool = False


def fetch_picture(url: str, limits: FetchLimits = FetchLimits()) -> Image.Image:
    """Fetch and decode the picture at a URL. Raises PictureError that says why there is none."""
    return decode_image_bytes(fetch_bytes(url, limits), url, "It cannot be compared.")


def fetch_bytes(url: str, limits: FetchLimits = FetchLimits()) -> bytes:
    """Fetch what a URL gives. Raises PictureError for a refusal, a failure or a limit."""
    end = time.monotonic() + limits.timeout
    for _ in range(limits.max_redirects + 1):
        target = _fetch_once(url, limits, end)
        if isinstance(target, bytes):
            return target
        url = urljoin(url, target)
    raise PictureError(
        f"{url} was not fetched: there were more than {limits.max_redirects} redirects."
    )


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet, also where it carries an IPv4 address."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address.teredo:
            return False
        if address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None and not is_public(inner):
            return False
    return address.is_global and not address.is_multicast


def _fetch_once(url: str, limits: FetchLimits, end: float) -> bytes | str:
    """Fetch one URL: its content, or where it redirects to. Raises PictureError."""
    parts = urlsplit(url)
    try:
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        port = 0
    if parts.scheme not in PORTS or not parts.hostname or not port:
        raise PictureError(f"{url} was not fetched: it is no address of http or https.")
    address = _resolve(url, parts.hostname, port, limits)
    connection = _Connection(parts.hostname, address, port, parts.scheme == "https", end)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # A server that sends a byte now and then keeps every operation within its time-out.
    watchdog = Timer(max(0.1, end - time.monotonic()), connection.cut)
    watchdog.daemon = True
    watchdog.start()
    try:
        connection.request("GET", path, headers={"User-Agent": "seedwitness"})
        response = connection.getresponse()
        if response.status in REDIRECTS and response.headers.get("Location"):
            return str(response.headers["Location"])
        if response.status != 200:
            raise PictureError(f"{url} was not fetched: the server answered {response.status}.")
        return _read_body(url, response, limits, end)
    except TimeoutError as error:
        raise _time_out(url, limits) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        if time.monotonic() >= end:
            raise _time_out(url, limits) from error
        reason = str(error) or type(error).__name__
        raise PictureError(f"{url} was not fetched: {reason}.") from error
    finally:
        watchdog.cancel()
        connection.close()


def _resolve(url: str, host: str, port: int, limits: FetchLimits) -> str:
    """The address to connect to. Raises PictureError if any address of the name is not public."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise PictureError(f"{url} was not fetched: {host} has no address ({error}).") from error
    addresses = [str(each[4][0]).partition("%")[0] for each in found]
    for address in addresses:
        if not limits.allow_private and not is_public(ipaddress.ip_address(address)):
            raise PictureError(
                f"{url} was not fetched: {host} is {address}, which is no public address. If you "
                "trust it, allow private addresses with `--allow-private`."
            )
    return addresses[0]


def _read_body(
    url: str, response: http.client.HTTPResponse, limits: FetchLimits, end: float
) -> bytes:
    pieces, size = [], 0
    while piece := response.read1(PIECE_BYTES):
        size += len(piece)
        if size > limits.max_bytes:
            raise PictureError(
                f"{url} was not fetched: it has more than {limits.max_bytes:,} bytes."
            )
        if time.monotonic() > end:
            raise _time_out(url, limits)
        pieces.append(piece)
    if time.monotonic() > end:
        raise _time_out(url, limits)
    if response.length:
        raise PictureError(f"{url} was not fetched: the connection ended before the picture.")
    return b"".join(pieces)


def _time_out(url: str, limits: FetchLimits) -> PictureError:
    return PictureError(f"{url} was not fetched: no answer within {limits.timeout:g} s.")


class _Connection(http.client.HTTPConnection):
    """A connection to an address that was checked, under the name that the URL has."""

    def __init__(self, host: str, address: str, port: int, is_tls: bool, end: float) -> None:
        super().__init__(host, port, timeout=max(0.1, end - time.monotonic()))
        self._address, self._is_tls = address, is_tls
        self.default_port = PORTS["https" if is_tls else "http"]  # left out of the header Host

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._is_tls:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)

    def cut(self) -> None:
        """End the connection, whatever it waits for."""
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
