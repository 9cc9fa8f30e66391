"""Language codes of streams, and the ones QuickTime cannot write.

ISO 639-2 has two codes for twenty languages. Matroska and mp4 keep any code; mov has a fixed list with one of each pair.
"""

from __future__ import annotations

from shotgraph.io.codecs import Container

# What the mov muxer of FFmpeg 8.1 reads back, found by writing every code of three letters.
_QUICKTIME_CODES = (
    "alb amh ara arm asm aym aze baq bel ben bul bur cat ces chi dan dut dzo eng epo est fin fra geo ger gre grn guj heb "
    "hin hun ice ind iri ita jav jpn kan kas kaz khm kin kir kor kur lao lat lav lit mac mal mar may mlg mlt mol mon nep "
    "nor nya ori orm per pol por pus que ron run rus san sin slk slv smi snd som spa sve swa tam tat tel tgk tgl tha tib "
    "tir tuk tur uig ukr urd uzb vie wel yid"
)
_QUICKTIME = frozenset(_QUICKTIME_CODES.split())
# Bibliographic code to terminology code.
_TERMINOLOGY = {
    "alb": "sqi",
    "arm": "hye",
    "baq": "eus",
    "bur": "mya",
    "chi": "zho",
    "cze": "ces",
    "dut": "nld",
    "fre": "fra",
    "geo": "kat",
    "ger": "deu",
    "gre": "ell",
    "ice": "isl",
    "mac": "mkd",
    "mao": "mri",
    "may": "msa",
    "per": "fas",
    "rum": "ron",
    "slo": "slk",
    "tib": "bod",
    "wel": "cym",
}
_BIBLIOGRAPHIC = {terminology: bibliographic for bibliographic, terminology in _TERMINOLOGY.items()}


def canonical(code: str) -> str:
    """One spelling for both codes of a language; empty for "undetermined"."""
    return "" if code == "und" else _TERMINOLOGY.get(code, code)


def spelled(code: str, container: Container) -> str | None:
    """`code` as `container` can write it; None when it cannot."""
    if container != "mov" or not code or code == "und":
        return code
    spellings = (code, _TERMINOLOGY.get(code, code), _BIBLIOGRAPHIC.get(code, code))
    return next((spelling for spelling in spellings if spelling in _QUICKTIME), None)
