"""Whether a text may speak of a time: for small models, which see schedules wherever they may say one.

It errs on yes: any digit, any letter that is not Latin, and the words of time of a dozen languages will do.
Which time is meant is not for it to say.
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
LATIN = "\u024f"  # the last letter of the Latin blocks


def may_name_a_time(text: str) -> bool:
    return bool(TIMELY.search(text)) or any(letter > LATIN and letter.isalpha() for letter in text)
