"""Phone numbers as E.164 text; every gateway spells them in its own way."""

SEPARATORS = str.maketrans("", "", " -()\t")
KAZAKHSTAN_TRUNK = "8"


def e164(spelling: str) -> str:
    """`+992…` for `992…`, `+992…` and ` 992…` (a bare '+' in a query arrives as a space); "" when no number."""
    digits = spelling.translate(SEPARATORS).removeprefix("+").removeprefix("00")
    return f"+{digits}" if digits.isascii() and digits.isdecimal() else ""


def tajik(spelling: str) -> str:
    """What OsonSMS takes: `992XXXXXXXXX`, and an official sample even has nine digits; "" for other countries."""
    phone = e164(spelling)
    if len(phone) == len("+900000001"):
        phone = "+992" + phone[1:]
    return phone if phone.startswith("+992") and len(phone) == len("+992900000001") else ""


def corrected(spelling: str) -> str:
    """SMSC's auto-correction: `8 707…` and `707…` become `+7707…`; a leading '+' switches it off."""
    phone = e164(spelling)
    if not spelling.strip().startswith("+"):
        if len(phone) == len("+87071234567") and phone[1] == KAZAKHSTAN_TRUNK:
            phone = "+7" + phone[2:]
        elif len(phone) == len("+7071234567"):
            phone = "+7" + phone[1:]
    return phone if len("+99290000000") <= len(phone) <= len("+123456789012345") else ""
