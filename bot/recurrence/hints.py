"""Whether a text may speak of a time, and of which rhythm: small models take whatever they are offered.

It errs on yes: any digit, any letter that is not Latin, and the words of time of a dozen languages will do.
Which time is meant is not said here.
"""

from __future__ import annotations

import re

BEGINNINGS = """
    every each daily weekly monthly yearly annually hourly hour minute morning noon midnight evening night
    today tonight tomorrow later week month year once schedul remind recurr regular
    jede täglich wöchentlich monatlich stündlich stunde morgen mittag abend nacht heute mittwoch woche monat
    jahr später uhr erinner
    chaque tous toutes quotidien hebdo mensuel heure demain aujourd matin midi soir lundi mardi mercredi
    jeudi vendredi samedi dimanche semaine mois année tard rappel
    cada todo toda diari semanal mensual hora minut mañana hoy mediodía tarde noche lunes martes miércoles
    jueves viernes sábado domingo semana año recuerd
    ogni giorn settiman mensil domani oggi mezzogiorno sera lunedì martedì mercoledì giovedì venerdì sabato
    domenica ricord amanhã hoje segunda terça quarta quinta sexta lembr
    elke iedere dagelijks wekelijks maand uur vandaag jaar herinner
    varje varannan hver vecka uke måned månad imorg
    każd codzien jutro dziś tydzie tygod miesi godzin poniedzia wtor środ czwart piąt sobot niedziel
    hafta saat yarın gün
"""
WORDS = "mes ore anno tutti tutte co her"  # as beginnings they would find message, announce, could, here
ENDINGS = "day days tag tags dag dags"  # Monday, Montag, maandag
TIMELY = re.compile(
    r"\d|\b(?:{})|\b(?:{})\b|(?:{})\b".format(*("|".join(w.split()) for w in (BEGINNINGS, WORDS, ENDINGS))),
    re.IGNORECASE,
)
WEEKDAYS = """
    monday tuesday wednesday thursday friday saturday sunday
    montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag
    lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves viernes sábado domingo
    lunedì martedì mercoledì giovedì venerdì sabato domenica segunda terça quarta quinta sexta
    maandag dinsdag woensdag donderdag vrijdag zaterdag zondag
"""
WEEKDAY = re.compile(rf"\b(?:{'|'.join(WEEKDAYS.split())})", re.IGNORECASE)
HOURS = re.compile(
    r"\b(?:hour|min|stund|stünd|heure|hora|ore|ora|uur|uren|godzin|timm|time|saat|tunti|tunnin)|\dh\b",
    re.IGNORECASE,
)
DAYS = re.compile(
    r"\b(?:days?|daily|weekdays?|workdays?|workings?|tage?|täglich|jours?|día|dias?|diari|giorn|dag|dagelijks"
    r"|mornings?|noon|midday|afternoons?|evenings?|nights?|midnight|morgens?|mittags?|abends?|nachts?"
    r"|matins?|midi|soirs?|mañanas?|noches?|mattin[ao]|ser[ae]|ochtend|avond)\b",
    re.IGNORECASE,
)
MONTHS = re.compile(
    r"\b(?:month|year|annual|quarter|monat|jahr|jähr|mois|année|mensuel|mes\b|mensual|año|anno\b|mensil|mês"
    r"|maand|jaar|quartal|trimest|kwarta)|\d(?:st|nd|rd|th)\b",
    re.IGNORECASE,
)
AGAIN = re.compile(
    r"\b(?:every|each|daily|weekly|monthly|jede[nrsm]?|täglich|chaque|tou(?:te)?s les|cada|tod[oa]s|ogni"
    r"|elke)\b",
    re.IGNORECASE,
)
ONE_DATE = re.compile(
    r"\b(?:today|tonight|tomorrow|next|heute|morgen|übermorgen|nächst|aujourd|demain|prochain|hoy|mañana|próxim"
    r"|oggi|domani|prossim|hoje|amanhã|vandaag|volgend|idag|imorgon|jutro|dziś)|\d{4}-\d\d",
    re.IGNORECASE,
)
LATIN = "\u024f"  # the last letter of the Latin blocks


def unlikely(text: str) -> frozenset[str]:
    """The values of “every” that the text gives no sign of: a weekday that is named says a week's rhythm,
    “every” says more than one date."""
    if any(letter > LATIN and letter.isalpha() for letter in text):
        return frozenset()
    signs = {("hours", "minutes"): HOURS}
    if WEEKDAY.search(text):
        signs |= {("day", "workday"): DAYS, ("month", "year"): MONTHS}
    once = {"once"} if AGAIN.search(text) and not ONE_DATE.search(text) else set()
    return frozenset(once) | frozenset(
        every for rhythms, sign in signs.items() if not sign.search(text) for every in rhythms
    )


def may_name_a_time(text: str) -> bool:
    return bool(TIMELY.search(text)) or any(letter > LATIN and letter.isalpha() for letter in text)
