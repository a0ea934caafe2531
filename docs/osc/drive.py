"""Moves a parameter of a running show and reads it back.

    pip install python-osc
    lumawire run patches/calm_drift.lumawire --osc 9000
    python3 drive.py /lumawire/generator/truncation 0.8
"""

import sys

from pythonosc.udp_client import SimpleUDPClient

HOST, PORT = "127.0.0.1", 9000


def main(address: str, value: float) -> None:
    client = SimpleUDPClient(HOST, PORT)
    client.send_message(address, value)
    # Without a value the message is a question; the answer comes to the port that asked.
    client.send_message(address, [])
    for message in client.get_messages(timeout=2):
        print(message.address, *message.params)
        return
    sys.exit("no answer: is the show running with --osc 9000?")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
