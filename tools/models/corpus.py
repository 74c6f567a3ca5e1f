"""The King James text: read, laid out as chapters, split.

The text comes from the Debian packages bible-kjv and bible-kjv-text, through
the `bible` command, one verse a line: "Ge1:1 In the beginning ...".  A
document is one chapter:

    Genesis 1

    1 In the beginning God created the heaven and the earth.
    2 And the earth was without form, and void; ...

with a blank line after it, so that chapters written one after another read as
one text.

The split is by chapter: most train, some (`tune`) choose the step whose
weights are kept, some (`valid`) are only ever measured.  The Bible repeats
itself (2 Kings 19 is Isaiah 37, Psalm 14 is Psalm 53): a chapter that shares
long runs of words with another is never held out, or the perplexity would be
a measure of memory.
"""

import random
import re
import subprocess

BOOKS = {
    "Ge": "Genesis", "Exo": "Exodus", "Lev": "Leviticus", "Num": "Numbers",
    "Deu": "Deuteronomy", "Josh": "Joshua", "Jdgs": "Judges", "Ruth": "Ruth",
    "1Sm": "1 Samuel", "2Sm": "2 Samuel", "1Ki": "1 Kings", "2Ki": "2 Kings",
    "1Chr": "1 Chronicles", "2Chr": "2 Chronicles", "Ezra": "Ezra",
    "Neh": "Nehemiah", "Est": "Esther", "Job": "Job", "Psa": "Psalm",
    "Prv": "Proverbs", "Eccl": "Ecclesiastes", "SSol": "Song of Solomon",
    "Isa": "Isaiah", "Jer": "Jeremiah", "Lam": "Lamentations",
    "Eze": "Ezekiel", "Dan": "Daniel", "Hos": "Hosea", "Joel": "Joel",
    "Amos": "Amos", "Obad": "Obadiah", "Jonah": "Jonah", "Mic": "Micah",
    "Nahum": "Nahum", "Hab": "Habakkuk", "Zep": "Zephaniah", "Hag": "Haggai",
    "Zec": "Zechariah", "Mal": "Malachi", "Mat": "Matthew", "Mark": "Mark",
    "Luke": "Luke", "John": "John", "Acts": "Acts", "Rom": "Romans",
    "1Cor": "1 Corinthians", "2Cor": "2 Corinthians", "Gal": "Galatians",
    "Eph": "Ephesians", "Phi": "Philippians", "Col": "Colossians",
    "1Th": "1 Thessalonians", "2Th": "2 Thessalonians", "1Tim": "1 Timothy",
    "2Tim": "2 Timothy", "Titus": "Titus", "Phmn": "Philemon",
    "Heb": "Hebrews", "Jas": "James", "1Pet": "1 Peter", "2Pet": "2 Peter",
    "1Jn": "1 John", "2Jn": "2 John", "3Jn": "3 John", "Jude": "Jude",
    "Rev": "Revelation",
}

CHAPTERS = 1189         # what the canon has; another count means a misread text
VALID_BYTES = 145_000   # 3.4 % of the text
TUNE_BYTES = 60_000     # 1.4 %
RUN_WORDS = 10          # a run of words this long is a quotation, not a phrase
SHARED_MAX = 0.05       # of a held-out chapter's runs may stand elsewhere too


class Chapter:
    """A heading ("Genesis 1") and its verses, in order."""

    def __init__(self, name):
        self.name = name
        self.verses = []

    def text(self):
        lines = [f"{n} {verse}" for n, verse in enumerate(self.verses, 1)]
        return self.name + "\n\n" + "\n".join(lines) + "\n\n"

    def runs(self):
        """Every run of RUN_WORDS words, punctuation and case set aside."""
        words = re.findall(r"[a-z']+", " ".join(self.verses).lower())
        return {tuple(words[i:i + RUN_WORDS])
                for i in range(len(words) - RUN_WORDS + 1)}


def read_chapters():
    """All chapters in canonical order."""
    out = subprocess.run(["bible", "-f", "Gen1:1-Rev22:21"], check=True,
                         stdout=subprocess.PIPE).stdout.decode("ascii")
    chapters = []
    for line in out.splitlines():
        book, chapter, verse, text = re.fullmatch(
            r"(\d?[A-Za-z]+)(\d+):(\d+) (.*)", line).groups()
        name = f"{BOOKS[book]} {chapter}"
        if not chapters or chapters[-1].name != name:
            chapters.append(Chapter(name))
        chapters[-1].verses.append(" ".join(text.split()))
        if len(chapters[-1].verses) != int(verse):
            raise ValueError(f"{name}: verse {verse} is out of order")
    if len(chapters) != CHAPTERS:
        raise ValueError(f"{len(chapters)} chapters; {CHAPTERS} were expected")
    return chapters


def shared_fraction(chapters):
    """For each chapter, how much of it stands word for word in another."""
    runs = [c.runs() for c in chapters]
    count = {}
    for own in runs:
        for run in own:
            count[run] = count.get(run, 0) + 1
    return [sum(count[r] > 1 for r in own) / max(1, len(own)) for own in runs]


def split(chapters, seed):
    """-> (train, tune, valid), each a list of chapters in canonical order."""
    shared = shared_fraction(chapters)
    order = list(range(len(chapters)))
    random.Random(seed).shuffle(order)
    part = {}
    size = {"valid": 0, "tune": 0}
    limit = {"valid": VALID_BYTES, "tune": TUNE_BYTES}
    for i in order:
        part[i] = "train"
        for name in ("valid", "tune"):
            length = len(chapters[i].text())
            if shared[i] <= SHARED_MAX and size[name] + length <= limit[name]:
                part[i] = name
                size[name] += length
                break
    return tuple([c for i, c in enumerate(chapters) if part[i] == name]
                 for name in ("train", "tune", "valid"))


def join(chapters):
    return "".join(c.text() for c in chapters)


# Where the prompts stand, and how many words of the verse they are.  All are
# in `valid` under the seed of train.py.
PROMPTS = (
    ("Judges 11", 4, 9), ("1 Samuel 20", 4, 5), ("Psalm 103", 8, 4),
    ("Proverbs 27", 12, 6), ("Ezekiel 37", 3, 8), ("Daniel 10", 1, 9),
    ("Matthew 28", 2, 7), ("Galatians 5", 13, 7))


def prompts(valid):
    verses = {c.name: c.verses for c in valid}
    return [" ".join(verses[chapter][verse - 1].split()[:count])
            for chapter, verse, count in PROMPTS]
