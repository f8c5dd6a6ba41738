"""Prints what psql completes each line of the file "lines" to when TAB is
pressed at its end, which is marked by a $."""

import os
import pty
import select
import tempfile

# The key inserts all completions into the line. A line is then made a comment
# and entered, and read back from the file of psql's history: what readline
# draws on a terminal says less.
INPUTRC = """
set enable-bracketed-paste off
set bell-style none
"\\C-t": insert-completions
"""
COMPLETE, BEGINNING = b"\x14", b"\x01"


def converse(lines, directory):
    """Enters the lines, each when psql has answered the one before."""
    psql, terminal = pty.fork()
    if psql == 0:
        os.environ.update(INPUTRC=os.path.join(directory, "inputrc"), TERM="dumb", COLUMNS="1000", PSQL_HISTORY=os.path.join(directory, "history"))
        os.execvp("psql", ["psql", "-X", "-q", "-v", "PROMPT1=ready> ", "-v", "PROMPT2=ready> "])
    read_until(terminal, b"ready> ")
    for line in lines:
        os.write(terminal, line.encode() + COMPLETE + BEGINNING + b"-- \n")
        read_until(terminal, b"\nready> ")
    os.write(terminal, b"\\q\n")
    try:
        while os.read(terminal, 4096):
            pass
    except OSError:  # the terminal is gone with psql
        pass
    os.waitpid(psql, 0)


def read_until(terminal, end):
    output = b""
    while not output.endswith(end):
        if not select.select([terminal], [], [], 10)[0]:
            raise SystemExit(f"psql does not answer: {output!r}")
        output += os.read(terminal, 4096)


def main():
    with open("lines") as file:
        lines = [line.rstrip("\n").removesuffix("$") for line in file]
    with tempfile.TemporaryDirectory() as directory:
        with open(os.path.join(directory, "inputrc"), "w") as file:
            file.write(INPUTRC)
        converse(lines, directory)
        with open(os.path.join(directory, "history")) as file:
            completed = [line.removeprefix("-- ").strip() for line in file if line.startswith("-- ")]
    for line, whole in zip(lines, completed, strict=True):
        typed = line.rpartition(" ")[0]
        print("==", line.rstrip() + ("…" if line.endswith(" ") else ""))
        for completion in sorted(whole.removeprefix(typed).split(" ")):
            if completion:
                print(completion)


main()
