"""An archive that a script starts and stops: `wilhelm serve`, or the example `archive` of crates/server."""

import json
import os
import pathlib
import signal
import socket
import subprocess


def free_port():
    """A port of this machine that nobody has at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def resident(process):
    """Resident memory of a process, in MB; `None` where the system does not say."""
    try:
        lines = pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((round(int(line.split()[1]) / 1024, 1) for line in lines if line.startswith("VmRSS:")), None)


class Served:
    """A running archive with its addresses; stopped at the end of a `with`."""

    def __init__(self, program, folder, peers=(), open_to_all=True, hl7=""):
        program = pathlib.Path(program)
        # Its own configuration, so that no key and no account of the person who runs this is touched.
        home = pathlib.Path(folder).with_name("configuration")
        environment = dict(os.environ, WILHELM_SERVER_PEERS=json.dumps(list(peers)), XDG_CONFIG_HOME=str(home))
        # An earlier program does not know the setting.
        environment.update({"WILHELM_SERVER_HL7": hl7} if hl7 else {})
        here = "127.0.0.1:0"
        if program.name == "archive":
            command = [program, folder, here, here, *peers]
        else:
            command = [program, "serve", "--data", folder, "--http", here, "--dimse", here, "--json"]
            command += ["--open"] if open_to_all else []
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
        text = ""
        for line in self.process.stdout:
            text += line
            if line.rstrip() == "}":
                break
        answer = json.loads(text)
        self.http = answer["http"]
        self.web = self.http + "/dicom-web"
        self.host, port = answer["dimse"].rsplit(":", 1)
        self.port = int(port)
        self.hl7_port = int(answer["hl7"].rsplit(":", 1)[1]) if answer.get("hl7") else None
        self.started_ms = answer["started_ms"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        assert code == 0, f"the archive ended with {code}"

    def kill(self):
        """Ends it as a failing machine would."""
        self.process.kill()
        self.process.wait()
