"""Cyrillic names in Latin letters, for machine-readable zones and for fonts that know no Cyrillic."""

CYRILLIC = "абвгдезийклмнопрстуфцыэғӣқӯҳҷәңөұүһі"
LETTERS = dict(zip(CYRILLIC, "abvgdeziyklmnoprstufcyegiquhjanouuhi", strict=True))
LETTERS |= {"ё": "yo", "ж": "zh", "х": "kh", "ч": "ch", "ш": "sh", "щ": "shch", "ц": "ts"}
LETTERS |= {"ю": "yu", "я": "ya", "ғ": "gh", "ъ": "", "ь": ""}
TABLE = str.maketrans(LETTERS | {letter.upper(): latin.capitalize() for letter, latin in LETTERS.items()})


def latin(text: str) -> str:
    """`Ҷамшед` is `Jamshed`; letters that are not known stay."""
    return text.translate(TABLE)
