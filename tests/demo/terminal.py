# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the demo shows: headings, progress bars, figures, a table."""
import os
import shutil
import sys
import time


class Terminal:
    """Writes the story; with colours and moving bars only on a terminal."""

    def __init__(self, stream):
        self.stream = stream
        self.moving = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self.bar_since = self.bar_shown = 0.0
        self.bar_text = ""

    def _style(self, text, code):
        return "\033[%sm%s\033[0m" % (code, text) if self.moving else text

    def write(self, text=""):
        """One line."""
        self.clear_bar()
        self.stream.write(text + "\n")
        self.stream.flush()

    def title(self, text):
        """The first line."""
        self.write(self._style(text, "1"))

    def heading(self, number, text):
        """The beginning of a step."""
        self.write()
        self.write(self._style("%d. %s" % (number, text), "1"))

    def say(self, text):
        """A line of a step."""
        self.write("   " + text)

    def good(self, text):
        """Something that went as it should."""
        self.say(self._style("ok", "32") + "  " + text)

    def bad(self, text):
        """Something that did not."""
        self.say(self._style("--", "31") + "  " + text)

    def bar(self, share, text):
        """A progress bar; share goes from 0 to 1. On no terminal nothing moves."""
        if not self.moving:
            return
        now = time.monotonic()
        if now - self.bar_shown < 0.05 and share < 1:
            return
        self.bar_shown = now
        width = 30
        full = int(round(max(0.0, min(1.0, share)) * width))
        columns = shutil.get_terminal_size().columns
        line = "   [%s%s] %3d %%  %s" % ("#" * full, "." * (width - full), int(share * 100), text)
        self.stream.write("\r\033[K" + line[:columns - 1])
        self.stream.flush()
        self.bar_text = line

    def clear_bar(self):
        """Takes the bar away."""
        if self.bar_text:
            self.stream.write("\r\033[K")
            self.bar_text = ""

    def table(self, rows):
        """Rows of strings, the first one the heading; columns as wide as they need."""
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for number, row in enumerate(rows):
            self.write("   " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths))
                       .rstrip())
            if number == 0:
                self.write("   " + "  ".join("-" * width for width in widths))


def story_stream(json_wanted):
    """Where the story goes: away from stdout when that is to carry the JSON document."""
    return sys.stderr if json_wanted else sys.stdout
