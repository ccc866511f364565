"""An archive killed over and over while a rule sends on what it takes in: all that was acknowledged arrives at the other station.

    jobs_kill.py PROGRAM [TIMES]

PROGRAM is the example `archive` of crates/server. Two of them: one with a rule that sends each study to the other a second after
its last object. Three senders over DIMSE to the first, SIGKILL at a random moment, the same again. Then it is left in peace until
no job waits, and every object that was acknowledged is asked of the other.
"""

import json
import pathlib
import random
import sys
import tempfile
import threading
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from archive_kill import Ledger, Sender, shown  # noqa: E402
from served import Served  # noqa: E402

RULE = """
[[rule]]
name = "on"
after_quiet_seconds = 1
do = [{{ send = {{ to = "{peer}" }} }}]
"""


def asked(served, path, method="GET"):
    request = urllib.request.Request(served.http + path, method=method, headers={"Origin": served.http})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def settled(served):
    """Waits until no job waits and every study was looked at; gives all jobs, and how many had to be retried by hand."""
    retried, quiet = 0, 0
    for _ in range(600):
        jobs = asked(served, "/api/jobs?limit=1000")
        for job in jobs["jobs"]:
            if job["state"] in ("dead", "failed"):
                retried += 1
                asked(served, f"/api/jobs/{job['id']}/retry", "POST")
        waiting = jobs["counts"]["queued"] + jobs["counts"]["running"]
        quiet = 0 if waiting else quiet + 1
        # Longer than the rule waits for more to arrive.
        if quiet > 12:
            return jobs["jobs"], retried
        threading.Event().wait(0.25)
    raise AssertionError(f"jobs still wait: {jobs['counts']}")


def main():
    program, times = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 15
    chance = random.Random(28)
    ledger = Ledger()
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        with Served(program, place / "other") as other:
            peer = f"OTHER@{other.host}:{other.port}"
            rules = place / "rules.toml"
            rules.write_text(RULE.format(peer=peer))
            for round_number in range(times):
                served = Served(program, place / "archive", [peer, str(rules)])
                senders = [Sender(served, False, 100 * round_number + number, ledger) for number in range(3)]
                for sender in senders:
                    sender.start()
                threading.Event().wait(chance.uniform(0.5, 4.0))
                served.kill()
                for sender in senders:
                    sender.join(2)
            with Served(program, place / "archive", [peer, str(rules)]) as served:
                jobs, retried = settled(served)
                lost = ledger.kept - set(shown(other))
                assert not lost, f"{len(lost)} acknowledged objects did not arrive at the other station"
    again = sum(job["attempts"] > 1 for job in jobs)
    print(
        f"killed {times} times: {len(ledger.all)} objects sent, {len(ledger.kept)} acknowledged and all at the other station; "
        f"{len(jobs)} jobs, {again} of them begun more than once, {retried} retried by hand"
    )


main()
