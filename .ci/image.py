"""Runs the steps of the Dockerfile one by one without Docker, in a temporary folder, as the user that they name.

    .venv/bin/python .ci/image.py           # `--no-data` leaves out drawing the data sets, which takes minutes

`/srv` and `/home/user` are folders in it. Some things are not done as the Dockerfile says: there is no base image, so
that Python and its system's libraries are this machine's; the libraries are not installed anew but are those of `.venv`
(tests/unit/test_requirements.py compares them with the pins); `useradd` makes a folder only; and data sets that this
machine has drawn before are not drawn again. Then the image's command runs on a root that cannot be written: the health
check has to pass, and to fail where there are no models, nothing may be written, and the stop signal has to end it
within 5 seconds.
"""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
USER = 1000
PLACES = ("/srv", "/home/user")
STARTS = 300.0
"""Seconds that the app may take until it is healthy, on a busy machine too."""
NO_DATA = "--no-data" in sys.argv
READS = "-all,+dac_read_search"
"""What the user may do besides: read this machine's Python, which may lie in the home of root."""


def steps(text: str) -> list[tuple[str, str]]:
    """Every instruction with its words; lines that go on are joined, comments left out."""
    whole = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", whole).splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines if line.strip())]


class Image:
    """A folder that stands for the root of the image, and what was said of it so far."""

    def __init__(self, root: Path) -> None:
        self.root, self.user, self.workdir = root, 0, "/"
        self.arguments: dict[str, str] = {}
        kept = ("LANG", "LC_ALL", "OMP_NUM_THREADS")
        self.environment = {name: os.environ[name] for name in kept if name in os.environ}
        self.environment["PATH"] = "/usr/local/bin:/usr/bin:/bin"
        self.said: dict[str, str] = {}

    def inside(self, text: str) -> str:
        """With the image's folders where they are here."""
        return re.sub(rf"(?<![\w.-])({'|'.join(PLACES)})(?=[/:\s]|$)", lambda found: f"{self.root}{found[1]}", text)

    def run(self, command: list[str], **options: object) -> "subprocess.Popen[bytes]":
        """Start a command as the user of the moment, where only root can choose that."""
        before: list[str] = []
        if self.user and os.getuid() == 0:
            identity = [f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"]
            before = ["setpriv", *identity, f"--inh-caps={READS}", "--ambient-caps=+dac_read_search", "--"]
        environment = {name: self.inside(value) for name, value in self.environment.items()}
        folder = self.inside(self.workdir)
        return subprocess.Popen([*before, *command], cwd=folder, env=environment, **options)  # type: ignore[call-overload]

    def step(self, word: str, rest: str) -> None:
        """Do one instruction. Raises SystemExit where it fails."""
        if word == "FROM":
            self.user, self.workdir = 0, "/"
        elif word == "ARG":
            name, _, value = rest.partition("=")
            self.arguments[name] = value
        elif word == "ENV":
            for pair in shlex.split(rest):
                name, _, value = pair.partition("=")
                self.environment[name] = value.replace("$PATH", self.environment["PATH"])
        elif word == "USER":
            self.user = int(rest)
        elif word == "WORKDIR":
            self.workdir = rest
            Path(self.inside(rest)).mkdir(parents=True, exist_ok=True)
        elif word == "COPY":
            self.copy(*shlex.split(rest))
        elif word == "RUN":
            self.made(rest)
        else:
            self.said[word] = rest

    def copy(self, *words: str) -> None:
        """Files that git knows, as `docker build` would take them from a fresh clone; or what an earlier stage made."""
        *names, place = [word for word in words if not word.startswith("--")]
        if any(word.startswith("--from=") for word in words):
            assert Path(self.inside(names[0])).exists(), f"no earlier stage has made {names[0]}"
            return
        target = Path(self.inside(self.workdir)) / place
        for name in names:
            found = subprocess.run(
                ["git", "ls-files", "-z", name], cwd=ROOT, check=True, capture_output=True, text=True
            )
            files = found.stdout.split("\0")[:-1]
            assert files, f"git knows nothing of {name}"
            for file in files:
                to = target / (Path(file).name if file == name else Path(file).relative_to(name))
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / file, to)

    def made(self, command: str) -> None:
        """Run a command of the build; the two that need a registry or a system's users have a substitute."""
        if "useradd" in command:
            assert f"--uid {USER}" in command
            home = self.root / "home" / "user"
            home.mkdir(parents=True)
            owned(home)
            return
        if "uv pip install" in command:
            wanted = re.findall(r"--requirement (\S+)", command)
            assert wanted
            assert all((Path(self.inside(self.workdir)) / name).is_file() for name in wanted)
            (self.root / "srv" / "venv").symlink_to(ROOT / ".venv", target_is_directory=True)
            return
        if "pip install" in command:
            (pins,) = re.findall(r"--constraint (\S+)", command)
            assert re.search("^uv==", (Path(self.inside(self.workdir)) / pins).read_text(), re.MULTILINE)
            return
        if "data fetch" in command:
            if NO_DATA:
                return print("image: left out")
            self.drawn(self.root / "home" / "user" / ".cache" / "plainsight")
        if status := self.run(["sh", "-c", self.inside(command)]).wait():
            sys.exit(f"RUN {command} ended with status {status}")

    def drawn(self, cache: Path) -> None:
        """Copy the data sets that were drawn here before; where they are damaged, the command draws them again."""
        here = Path.home() / ".cache" / "plainsight"
        for folder in (*here.glob("signs-*"), *here.glob("streets-*")):
            shutil.copytree(folder, cache / folder.name)
        if cache.is_dir():
            owned(cache.parent)

    def close(self) -> None:
        """Nothing in it can be written from now on, by anybody but root."""
        for path in [self.root, *self.root.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o222)

    def content(self) -> dict[str, int]:
        """Every file and folder, and when it was changed."""
        return {str(path): path.lstat().st_mtime_ns for path in self.root.rglob("*")}


def owned(folder: Path) -> None:
    """Give a folder to the user of the image, where only root can do that."""
    for path in (folder, *folder.rglob("*")):
        if os.getuid() == 0:
            os.chown(path, USER, USER)


def check(image: Image, healthy: bool) -> None:
    """Start the image's command, ask its health check until the app answers, as Docker does, and stop the app.

    Raises SystemExit where that is not as promised.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = json.loads(image.said["CMD"].replace("7860", port))
    health = json.loads(image.said["HEALTHCHECK"].partition("CMD ")[2].replace("7860", port))
    python = image.inside("/srv/venv/bin/python")
    with tempfile.TemporaryDirectory(prefix="plainsight-image-tmp-") as temporary, open(os.devnull) as nothing:
        Path(temporary).chmod(0o1777)
        image.environment["TMPDIR"] = temporary
        before = image.content()
        app = image.run([python, *command[1:]], stdin=nothing)
        until = time.monotonic() + STARTS
        said, wanted = "nothing", "it passes" if healthy else "urllib.error.HTTPError: HTTP Error 503"
        while time.monotonic() < until and app.poll() is None and said != "it passes" and "HTTP Error" not in said:
            time.sleep(1)
            found = image.run([python, *health[1:]], stdin=nothing, stderr=subprocess.PIPE)
            said = (found.communicate()[1].decode().strip().splitlines() or ["it passes"])[-1]
        app.send_signal(getattr(signal, image.said["STOPSIGNAL"]))
        try:
            ended = app.wait(5)
        except subprocess.TimeoutExpired:
            app.kill()
            sys.exit("the app did not end within 5 seconds after its stop signal")
    if not said.startswith(wanted) or ended:
        sys.exit(f"health check: {said}, and not {wanted}; exit status of the app: {ended}")
    if image.content() != before:
        sys.exit(f"the app has written {sorted(set(image.content().items()) ^ set(before.items()))[:5]}")
    print(f"image: health check {'passes' if healthy else 'fails, as it should without models'}; nothing was written")


def main() -> None:
    """Build, then check."""
    with tempfile.TemporaryDirectory(prefix="plainsight-image-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        image = Image(Path(folder))
        for word, rest in steps((ROOT / "Dockerfile").read_text("utf-8")):
            print(f"image: {word} {rest[:100]}", flush=True)
            image.step(word, rest)
        assert image.user == USER
        cached = [path for path in (image.root / "home" / "user").rglob("*") if path.is_file()]
        assert NO_DATA or all(any(name in str(path) for path in cached) for name in ("signs", "streets")), cached
        image.close()
        check(image, healthy=True)
        image.environment["PLAINSIGHT_CHECKPOINTS"] = "/srv/plainsight/core"  # there are no models
        check(image, healthy=False)
        for path in [image.root, *image.root.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)


if __name__ == "__main__":
    main()
