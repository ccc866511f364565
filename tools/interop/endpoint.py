"""Asks a real server on the loopback: llama-cpp-python's, with the small model of the first run.

Usage: python tools/interop/endpoint.py path/to/examples/endpoint [MODEL.gguf]

    pip install 'llama-cpp-python[server]'
"""

import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request


def main():
    cache = pathlib.Path(os.environ.get("WILHELM_CACHE") or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "wilhelm")
    model = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else cache / "models/SmolLM2-135M-Instruct.Q4_1.gguf"
    if not model.is_file():
        print(f"skipped: {model} is not there; `wilhelm models fetch smollm2` brings it")
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "llama_cpp.server", "--model", str(model), "--host", "127.0.0.1", "--port", str(port),
         "--n_ctx", "2048", "--n_threads", "2", "--model_alias", "small"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    base = f"http://127.0.0.1:{port}/v1"
    try:
        for _ in range(240):
            if server.poll() is not None:
                sys.exit("the server ended before it was asked")
            try:
                urllib.request.urlopen(f"{base}/models", timeout=5).read()
                break
            except OSError:
                time.sleep(0.5)
        sys.exit(subprocess.run([sys.argv[1], base, "small", "llama-cpp-python"]).returncode)
    finally:
        server.terminate()
        server.wait(20)


main()
