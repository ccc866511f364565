"""Sentences of clinical notes with made-up names, days, numbers and addresses, marked, for the scrub's recall.

    python3 -m pip install faker==37.4.0
    python3 tools/golden/scrub.py 20261126 > testdata/scrub/marked.txt
    python3 tools/golden/scrub.py 7 > testdata/scrub/marked_second.txt

What identifies stands as {{kind|value}}. The values are drawn by Faker (three locales, one seed), so that nobody
who wrote the rules chose them; the sentences around them were written by hand before the rules were tried on them.
"""
import random
import sys

from faker import Faker

SEED = int(sys.argv[1])
TEMPLATES = [
    "Patient: {name}, MRN {mrn}.",
    "{name} was admitted on {date} with chest pain.",
    "Seen by Dr. {last} on {date}.",
    "Referred by Dr {name}, telephone {phone}.",
    "His daughter {first} called from {phone}.",
    "Patient lives at {address}.",
    "Signed by {name}, MD, {date}.",
    "Dictated by {name} at 10:20.",
    "Date of birth: {date}.",
    "Contact: {name}, {phone}, {email}.",
    "Insurance number {mrn}; policy {policy}.",
    "SSN {ssn} was on the form.",
    "Mrs. {last} reports dyspnea since {monthday}.",
    "Compared with the CT of {date} the nodule has grown from 6 to 8 mm.",
    "Discussed with Dr. {last} by telephone ({phone}).",
    "The patient is a {high_age}-year-old man from a nursing home.",
    "Next of kin: {name} ({phone}).",
    "Case no. {mrn}, accession {accession}.",
    "Results were mailed to {email}.",
    "Home address {address}, phone {phone}.",
    "{caret} arrived from the emergency department.",
    "Attending physician: {name}.",
    "Report verified by Prof. {last} on {date}.",
    "Mr. {last} and his wife {first} were informed.",
    "Follow-up on {date} with {name}, RN.",
]


def month_day(fake: Faker) -> str:
    day = fake.date_object()
    return f"{day.strftime('%B')} {day.day}"


def date(fake: Faker, rng: random.Random) -> str:
    day = fake.date_between(start_date="-80y", end_date="-1y")
    form = rng.choice(["%Y-%m-%d", "%m/%d/%Y", "%d.%m.%Y", "%d %B %Y", "%B %d, %Y", "%Y%m%d", "%m/%d/%y", "%d-%b-%Y"])
    return day.strftime(form)


def main() -> None:
    Faker.seed(SEED)
    rng = random.Random(SEED)
    fakes = [Faker(locale) for locale in ("en_US", "en_GB", "de_DE")]
    for number in range(600):
        fake = rng.choice(fakes)
        first, last = fake.first_name(), fake.last_name()
        mark = lambda kind, value: "{{" + kind + "|" + value.replace("\n", ", ") + "}}"
        values = {
            "name": mark("name", f"{first} {last}"),
            "first": mark("name", first),
            "last": mark("name", last),
            "caret": mark("name", f"{last}^{first}"),
            "date": mark("date", date(fake, rng)),
            "monthday": mark("date", month_day(fake)),
            "phone": mark("phone", fake.phone_number()),
            "email": mark("link", fake.email()),
            "address": mark("address", fake.address()),
            "mrn": mark("number", fake.bothify(rng.choice(["######", "#######", "??######", "###-##-##"])).upper()),
            "policy": mark("number", fake.bothify("??-#######").upper()),
            "accession": mark("number", fake.bothify("A#########")),
            "ssn": mark("number", fake.bothify("###-##-####")),
            "high_age": mark("age", str(rng.randint(90, 104))),
        }
        print(TEMPLATES[number % len(TEMPLATES)].format(**values))


main()
