"""An authority that stamps by RFC 3161: OpenSSL behind an HTTP server, with a root of its own."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

CONFIG = """
[tsa]
default_tsa = it
[it]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/signer.pem
certs = {folder}/root.pem
signer_key = {folder}/signer.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = {digests}
accuracy = secs:1, millisecs:500
ess_cert_id_alg = sha256
"""


@dataclass(frozen=True)
class Authority:
    folder: Path

    @property
    def root(self) -> Path:
        """Its root certificate."""
        return self.folder / "root.pem"

    def stamp(self, query: bytes) -> bytes:
        (self.folder / "query.tsq").write_bytes(query)
        openssl(
            self.folder,
            *("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query.tsq", "-out", "it.tsr"),
        )
        return (self.folder / "it.tsr").read_bytes()


def openssl(folder: Path, *arguments: str) -> None:
    ended = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def make_authority(folder: Path, name: str, digests: str = "sha256, sha384, sha512") -> Authority:
    """Make keys, a root certificate, and the one for stamping that the root has signed."""
    folder.mkdir()
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder, digests=digests))
    (folder / "usage.cnf").write_text(
        "basicConstraints = CA:false\nkeyUsage = critical, digitalSignature\n"
        "extendedKeyUsage = critical, timeStamping\n"
    )
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")
    root = ("-subj", f"/O={name}/CN=Root", "-keyout", "root.key", "-out", "root.pem", "-days", "9")
    openssl(folder, "req", "-x509", *key, *root)
    own = ("-subj", f"/O={name}/CN=Stamps", "-keyout", "signer.key", "-out", "signer.csr")
    openssl(folder, "req", *key, *own)
    signed = ("-CA", "root.pem", "-CAkey", "root.key", "-extfile", "usage.cnf", "-days", "9")
    openssl(folder, "x509", "-req", "-in", "signer.csr", *signed, "-out", "signer.pem")
    return Authority(folder)


@contextmanager
def serve(authority: Authority) -> Iterator[str]:
    """Answer requests at the address that is given, on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/timestamp-query"
            answer = authority.stamp(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
