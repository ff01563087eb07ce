#!/usr/bin/env python3
# Python's plistlib reads what we write, and we read what it writes: generated property lists go through our program and
# come back as they were, in each of its ways. libplist does the same with those that it is right about; in what it
# differs is listed below, and this test fails where that is not so.
import datetime
import math
import os
import plistlib
import random
import struct
import subprocess
import sys

copier = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def copied(way, data):
    """The copy, or None and what was wrong."""
    copier.stdin.write(way + struct.pack('<I', len(data)) + data)
    copier.stdin.flush()
    mark = copier.stdout.read(1)
    (size,) = struct.unpack('<I', copier.stdout.read(4))
    said = copier.stdout.read(size)
    return (said, '') if mark == b'+' else (None, said.decode())


seed = int(os.environ.get('REEVE_SEED', random.SystemRandom().randrange(1 << 32)))
print(f'REEVE_SEED={seed}')
chance = random.Random(seed)
TEXTS = ['', 'a', 'ä', '€uro', '\U0001f600 smile', 'x' * 14, 'x' * 15, 'y' * 300, '<&>"\'', 'line\nline\ttab\r', '\u0000nul']
START = datetime.datetime(2001, 1, 1)


def text(may_nul):
    value = chance.choice(TEXTS) + str(chance.randrange(100)) * chance.randrange(3)
    return value if may_nul else value.replace('\0', '0')


def value(depth, plain):
    """`plain`: of what XML has a form for."""
    kind = chance.randrange(13 if depth > 0 else 10)
    if kind == 0:
        return chance.random() < 0.5
    if kind <= 2:
        edge = chance.choice([0, 1, 0x7f, 0xff, 0x100, 0xffff, 0x10000, 2**31, 2**32 - 1, 2**32, 2**63 - 1])
        return chance.choice([edge, -edge - 1 if edge < 2**63 - 1 else edge, chance.randrange(-2**63, 2**64)])
    if kind == 3:
        return chance.choice([0.0, -0.0, 1.5, -1e300, 5e-324, math.inf, -math.inf, chance.random()])
    if kind == 4:
        seconds = chance.randrange(-63113904000, 252423993599)
        return START + datetime.timedelta(seconds=seconds, milliseconds=0 if plain else chance.choice([0, 500, 250]))
    if kind == 5:
        return chance.randbytes(chance.choice([0, 1, 14, 15, 300]))
    if kind == 6:
        return plistlib.UID(chance.choice([0, 1, 255, 256, 2**32 - 1]))
    if kind <= 9:
        return text(not plain)
    if kind == 10:
        items = [value(depth - 1, plain) for _ in range(chance.choice([0, 1, 3, 20]))]
        return items + items[:1] * chance.randrange(2)
    return {text(False): value(depth - 1, plain) for _ in range(chance.choice([0, 1, 3, 20]))}


def same(one, other):
    """What == says, but that 1, 1.0 and True are three, and so are the two zeros."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(same(*pair) for pair in zip(one, other))
    if isinstance(one, float):
        return struct.pack('d', one) == struct.pack('d', other)
    return one == other


def holds(whole, kind, what=lambda value: True):
    if isinstance(whole, dict):
        return any(holds(each, kind, what) for each in list(whole.values()) + list(whole.keys()))
    if isinstance(whole, list):
        return any(holds(each, kind, what) for each in whole)
    return isinstance(whole, kind) and what(whole)


def uids(whole):
    """As plistlib reads UIDs from XML."""
    if isinstance(whole, dict):
        return {key: uids(each) for key, each in whole.items()}
    if isinstance(whole, list):
        return [uids(each) for each in whole]
    return {'CF$UID': whole.data} if isinstance(whole, plistlib.UID) else whole


faults = 0


def check(what, original, copy, said):
    global faults
    if copy is None or not same(original, copy):
        faults += 1
        if faults <= 10:
            print(f'{what}: {said or copy!r}\n  of {original!r}')


def loaded(copy):
    return plistlib.loads(copy) if copy is not None else None


times = 10_000
for i in range(times):
    plain = i % 2 == 0
    original = value(chance.randrange(1, 5), plain)
    binary = plistlib.dumps(original, fmt=plistlib.FMT_BINARY, sort_keys=chance.random() < 0.5)
    original = loaded(binary)  # Both zeros are one to plistlib.
    copy, said = copied(b'b', binary)
    check('in place', original, loaded(copy), said)
    copy, said = copied(b'j', binary)
    check('by JSON', original, loaded(copy), said)
    beyond = lambda date: not 1679 < date.year < 2261
    if not holds(original, plistlib.UID) and not holds(original, datetime.datetime, beyond):
        copy, said = copied(b'o', binary)
        check('as an object', original, loaded(copy), said)
    if plain:
        copy, said = copied(b'x', binary)
        check('into XML', uids(original), loaded(copy), said)
        # plistlib writes carriage returns so that they come back as line feeds, in whatever hands.
        if not holds(original, str, lambda text: '\r' in text):
            copy, said = copied(b'X', plistlib.dumps(uids(original), fmt=plistlib.FMT_XML))
            check('from XML', original, loaded(copy), said)
print(f'{times} property lists, {faults} came back as others')
if faults:
    sys.exit(1)

if copied(b'l', plistlib.dumps({}, fmt=plistlib.FMT_BINARY))[1] == 'built without libplist':
    print('libplist: skipped, it is not here')
    sys.exit(0)


def list_of(objects, number_size=1, count=None):
    """A binary property list of such objects."""
    out, places = b'bplist00', []
    for each in objects:
        places.append(len(out))
        out += each
    table = len(out)
    return out + b''.join(struct.pack('>H', place) for place in places) + struct.pack(
        '>6xBBQQQ', 2, number_size, count or len(objects), 0, table)


# What libplist makes of it, and what we do: (name, the list, libplist's outcome, ours). None: it is refused.
DIFFERENCES = [
    ('a string is cut at a NUL', list_of([b'\x53a\0b']), 'a', 'a\0b'),
    ('a key is cut at a NUL', list_of([b'\xd1\x01\x02', b'\x53k\0x', b'\x10\x07']), {'k': 7}, None),
    ('bytes that are not ASCII pass for it', list_of([b'\x52\xc3\xa4']), 'ä', None),
    ('empty UTF-16 is refused', list_of([b'\x60']), None, ''),
    ('null is refused', list_of([b'\xa1\x01', b'\x00']), None, [None]),
    ('2^127 is 0', list_of([b'\x14\x80' + bytes(15)]), 0, None),
]
for name, whole, theirs, ours in DIFFERENCES:
    for way, expected in (b'l', theirs), (b'b', ours):
        copy, said = copied(way, whole)
        try:
            found = loaded(copy)
        except (plistlib.InvalidFileException, UnicodeError) as error:
            found = error
        if found != expected or type(found) is not type(expected):
            faults += 1
            print(f'{name}, {way!r}: {found!r} ({said}), expected {expected!r}')

agreed = differed = 0
for i in range(times):
    original = value(chance.randrange(1, 5), True)
    # What is known to be otherwise there: UIDs, reals that are no numbers, dates, integers beyond an int64.
    odd = (holds(original, plistlib.UID) or holds(original, float) or holds(original, datetime.datetime) or
           holds(original, int, lambda number: not -2**63 <= number < 2**63))
    if odd:
        continue
    binary = plistlib.dumps(original, fmt=plistlib.FMT_BINARY)
    theirs, ours = loaded(copied(b'l', binary)[0]), loaded(copied(b'b', binary)[0])
    if same(theirs, ours):
        agreed += 1
    else:
        differed += 1
        print(f'libplist differs: {theirs!r}, ours {ours!r}')
print(f'libplist: {len(DIFFERENCES)} differences as they are listed; {agreed} property lists are the same, {differed} others')
sys.exit(1 if faults or differed else 0)
