"""Sends an exported message to the MLLP server of the Python package `hl7` on loopback, and checks every answer.

Usage: python tools/interop/mllp.py PROGRAM MESSAGE
"""

import asyncio
import pathlib
import subprocess
import sys

import hl7
from hl7.mllp import start_hl7_server


async def main():
    program, path = sys.argv[1:]
    sent = pathlib.Path(path).read_bytes().decode()
    received = []
    answers = iter(["AA", "AE", "AR"])

    async def serve(reader, writer):
        message = await reader.readmessage()
        received.append(str(message))
        writer.writemessage(message.create_ack(next(answers)))
        await writer.drain()
        writer.close()

    async with await start_hl7_server(serve, "127.0.0.1", 0, encoding="utf-8") as server:
        port = server.sockets[0].getsockname()[1]
        serving = asyncio.create_task(server.serve_forever())
        for code, status in [("AA", 0), ("AE", 3), ("AR", 3)]:
            arguments = [program, "send", "hl7", path, "--to", f"127.0.0.1:{port}"]
            run = await asyncio.create_subprocess_exec(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            out, error = await run.communicate()
            assert run.returncode == status, (code, run.returncode, out, error)
            assert out.decode().startswith(code), out
        serving.cancel()
    assert all(hl7.parse(message) == hl7.parse(sent) for message in received) and len(received) == 3
    print("3 messages sent by MLLP: AA, AE and AR understood")


asyncio.run(main())
