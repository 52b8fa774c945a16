"""The encoding of a file that arrives in parts, and its bytes in a form whose lines can be cut.

UTF-16 and UTF-32 become UTF-8 as they arrive. All other encodings that are read leave the bytes of
ASCII to ASCII, so that lines and delimiters are found in the bytes as they came.
"""

from __future__ import annotations

import codecs
from typing import Final

import charset_normalizer

from store.imports.problems import FileRefused

UTF_8: Final = "utf-8"
WESTERN: Final = "cp1252"
"""The encoding of files whose encoding cannot be found: that of most spreadsheets."""

_WIDE: Final = (
    # UTF-32 first: its mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_OTHERS: Final = frozenset(
    {
        "cp1251", "koi8_r", "koi8_u", "iso8859_5", "cp866", "cp855", "mac_cyrillic", "cp1253",
        "iso8859_7", "cp1255", "iso8859_8", "cp1256", "iso8859_6", "cp874", "tis_620", "cp932",
        "shift_jis", "shift_jis_2004", "euc_jp", "gb18030", "gbk", "gb2312", "big5", "big5hkscs",
        "cp950", "euc_kr", "cp949", "johab",
    }
)  # fmt: skip
"""Encodings of other scripts than the Latin one that files come in."""
_ENOUGH: Final = 12
"""Bytes beyond ASCII, at least, that tell scripts apart."""
_CENTRAL: Final = frozenset("ąćęłńśźżĄĆĘŁŃŚŹŻčďěňřšťůžČĎĚŇŘŠŤŮŽőűŐŰľĺŕ")
"""Letters of Central Europe that cp1250 has and cp1252 has not, or has elsewhere."""
_SHOWN: Final = 64 * 1024
"""Bytes of lines that are not UTF-8, of which the encoding is found."""
_PROBE: Final = 4_096
_LINE: Final = 64 * 1024
"""Bytes of a line that is looked at; the rest of a longer one counts as another."""


def check_encoding(name: str) -> str:
    """The name of an encoding that a caller gives, as Python's codecs know it.

    Raises FileRefused if there is none, or if lines cannot be cut in it.
    """
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        raise FileRefused(f"encoding: {name[:40]!r} is none that is known, such as utf-8") from None
    if found.startswith(("utf-16", "utf-32")):
        return found
    if not _keeps_ascii(found):
        raise FileRefused(f"encoding: files in {found} cannot be read; convert it to UTF-8")
    return found


def _keeps_ascii(name: str) -> bool:
    signs = "\n\r\t,;|\"'{}+&azAZ09"
    try:
        return signs.encode(name) == signs.encode("ascii")
    except (LookupError, UnicodeError, TypeError):
        # Some codecs of Python's are no encodings of text.
        return False


class EncodingFinder:
    """Takes the bytes of a file in order, and knows its encoding at the end."""

    def __init__(self, given: str | None = None) -> None:
        self._given = None if given is None else check_encoding(given)
        self._begun = False
        self._wide: codecs.IncrementalDecoder | None = None
        self._name = UTF_8
        self._rest = b""
        self._good = self._bad = 0
        """Lines with other letters than those of ASCII that are UTF-8, and that are not."""
        self._shown = bytearray()

    def take(self, data: bytes, *, final: bool = False) -> bytes:
        """The next bytes as they are to be stored. Raises FileRefused if it is no file of text."""
        if not self._begun:
            data = self._begin(data)
        if self._wide is not None:
            return self._wide.decode(data, final).encode("utf-8", "replace")
        if self._given is None:
            self._look(data, final)
        return data

    @property
    def encoding(self) -> str:
        """The encoding of what is stored, once all bytes were taken."""
        if self._wide is not None:
            return UTF_8
        if self._given is not None:
            return self._given
        # A few broken lines in a file of UTF-8 are broken lines.
        if self._bad <= self._good:
            return UTF_8
        return find_encoding(bytes(self._shown))

    @property
    def name(self) -> str:
        """The encoding of the file as it came."""
        return self._name if self._wide is not None else self.encoding

    def _begin(self, data: bytes) -> bytes:
        self._begun = True
        if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
            raise FileRefused("the file is a spreadsheet or an archive: export it as CSV in UTF-8")
        if data.startswith(b"PAR1"):
            raise FileRefused("the file is Parquet: export it as CSV or JSON Lines")
        if data.startswith(codecs.BOM_UTF8):
            if self._given is None:
                self._given = UTF_8
            return data[len(codecs.BOM_UTF8) :]
        for mark, name in _WIDE:
            if data.startswith(mark):
                return self._decode_as(name, data[len(mark) :])
        if self._given is not None and self._given.startswith(("utf-16", "utf-32")):
            explicit = self._given if self._given[-2:] in ("le", "be") else f"{self._given}-le"
            return self._decode_as(explicit, data)
        if self._given is None and (wide := _wide_without_mark(data[:_PROBE])):
            return self._decode_as(wide, data)
        return data

    def _decode_as(self, name: str, data: bytes) -> bytes:
        self._name = name
        self._wide = codecs.getincrementaldecoder(name)("replace")
        return data

    def _look(self, data: bytes, final: bool) -> None:
        if data.isascii() and not self._rest:
            return
        lines = (self._rest + data).split(b"\n")
        self._rest = b"" if final else lines.pop()
        if len(self._rest) > _LINE:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            if line.isascii():
                continue
            try:
                line.decode()
            except UnicodeDecodeError:
                self._bad += 1
                if len(self._shown) < _SHOWN:
                    self._shown += line[:_LINE] + b"\n"
            else:
                self._good += 1


def _wide_without_mark(data: bytes) -> str | None:
    """UTF-16 without a mark: of mostly ASCII, every other byte is NUL."""
    if len(data) < 4:
        return None
    even, odd = data[0::2], data[1::2]
    if odd.count(0) > len(odd) * 0.6 and even.count(0) < len(even) * 0.1:
        return "utf-16-le"
    if even.count(0) > len(even) * 0.6 and odd.count(0) < len(odd) * 0.1:
        return "utf-16-be"
    return None


def find_encoding(text: bytes) -> str:
    """The most likely encoding of bytes that are not UTF-8."""
    if len(text) - len(text.decode("ascii", "ignore")) >= _ENOUGH:
        best = charset_normalizer.from_bytes(text).best()
        if best is not None and best.encoding in _OTHERS and _keeps_ascii(best.encoding):
            return best.encoding
    return _latin(text)


def _latin(text: bytes) -> str:
    """cp1250 where the text has letters of Central Europe in it, else cp1252.

    The two give one byte two letters; `ł` is rare in Western texts as `³`, which is its byte there.
    """
    central = text.decode("cp1250", "replace")
    western = text.decode(WESTERN, "replace")
    signs = sum(
        1
        for one, other in zip(central, western, strict=True)
        if one in _CENTRAL and not other.isalpha()
    )
    letters = sum(
        1
        for one, other in zip(central, western, strict=True)
        if one not in _CENTRAL and other.isalpha() and not other.isascii()
    )
    return "cp1250" if signs > letters // 4 and signs > 0 else WESTERN
