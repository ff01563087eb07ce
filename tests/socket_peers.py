#!/usr/bin/env python3
# Socket messages between this library and a peer that shares no code with it: frames are written and read here by the
# letter, and keyed archives with plistlib, as NSKeyedArchiver has them. This end is the client of our server, and the
# server of our client; and it sends what nobody should take.
import contextlib
import os
import plistlib
import re
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

TALKER = os.path.abspath(sys.argv[1])
PATIENCE = 20  # seconds, for whatever is waited for
NUMBER = '7'
HEAD = re.compile(rb'HTTP/1\.1 200 OK\r\nContent-Length: ([1-9][0-9]*)\r\n\r\n')
UID = plistlib.UID


class Broken(Exception):
    """A promise was."""


def require(condition, why):
    if not condition:
        raise Broken(why)


# Objects as they are here. Strings, numbers, bytes, lists and dictionaries are themselves.


class Date(float):
    """NSDate: seconds since 2001."""


class MutableDictionary(dict):
    """What a dictionary is that was filled entry by entry."""


class Nothing:
    """What is not there at all."""


class Object:
    """Of any class. Values of `plain` stand in their fields themselves, and all others are referred to."""

    def __init__(self, kin, fields=(), plain=()):
        self.kin, self.fields, self.plain = list(kin), dict(fields), dict(plain)


KIN = {
    'NSDictionary': ['NSDictionary', 'NSObject'],
    'NSMutableDictionary': ['NSMutableDictionary', 'NSDictionary', 'NSObject'],
    'NSArray': ['NSArray', 'NSObject'],
    'NSDate': ['NSDate', 'NSObject'],
    'NSData': ['NSData', 'NSObject'],
    'NSURL': ['NSURL', 'NSObject'],
    'LLBSDProcessInfo': ['LLBSDProcessInfo', 'NSObject'],
}


def sender(name='plain peer', pid=None):
    """By its own word."""
    pid = os.getpid() if pid is None else pid
    return Object(KIN['LLBSDProcessInfo'], {'processName': name, 'processIdentifier': pid})


def url(kin=KIN['NSURL']):
    return Object(kin, {'NS.base': None, 'NS.relative': 'https://example.org/'})


class Archiver:
    """Writes an object and all that it leads to: each object once, and its class after what it holds."""

    def __init__(self):
        self.objects, self.numbers, self.classes, self.kept = ['$null'], {}, {}, []

    def reference(self, value):
        if value is None:
            return UID(0)
        key = (type(value), value) if isinstance(value, (str, int, float, bytes)) else id(value)
        if key not in self.numbers:
            self.kept.append(value)  # so that no other gets its id
            self.numbers[key] = len(self.objects)
            self.objects.append(None)
            self.objects[self.numbers[key]] = self.written(value)
        return UID(self.numbers[key])

    def class_of(self, kin):
        if kin[0] not in self.classes:
            self.classes[kin[0]] = len(self.objects)
            self.objects.append({'$classes': kin, '$classname': kin[0]})
        return UID(self.classes[kin[0]])

    def finished(self, fields, kin):
        return {**fields, '$class': self.class_of(kin)}

    def references(self, values):
        return [self.reference(value) for value in values]

    def written(self, value):
        if isinstance(value, Object):
            fields = {key: self.reference(each) for key, each in value.fields.items()}
            return self.finished({**fields, **value.plain}, value.kin)
        if isinstance(value, dict):
            kin = KIN['NSMutableDictionary' if isinstance(value, MutableDictionary) else 'NSDictionary']
            keys = self.references(value.keys())
            return self.finished({'NS.keys': keys, 'NS.objects': self.references(value.values())}, kin)
        if isinstance(value, list):
            return self.finished({'NS.objects': self.references(value)}, KIN['NSArray'])
        if isinstance(value, Date):
            return self.finished({'NS.time': float(value)}, KIN['NSDate'])
        return value


OLD_ORDER = ('$version', '$objects', '$archiver', '$top')
NEW_ORDER = ('$version', '$archiver', '$top', '$objects')


def archived(root, order=OLD_ORDER):
    archiver = Archiver()
    top = {'root': archiver.reference(root)}
    parts = {'$version': 100000, '$archiver': 'NSKeyedArchiver', '$top': top, '$objects': archiver.objects}
    return plistlib.dumps({key: parts[key] for key in order}, fmt=plistlib.FMT_BINARY, sort_keys=False)


class Unarchiver:
    """Reads what ours has written, and lets nothing pass that NSKeyedUnarchiver could not take."""

    def __init__(self, body):
        self.check_table(body)
        whole = plistlib.loads(body, fmt=plistlib.FMT_BINARY)
        require(set(whole) == set(OLD_ORDER), f'the archive has the keys {sorted(whole)}')
        require(whole['$version'] == 100000, f'$version is {whole["$version"]!r}')
        require(whole['$archiver'] == 'NSKeyedArchiver', f'$archiver is {whole["$archiver"]!r}')
        require(set(whole['$top']) == {'root'}, f'$top is {whole["$top"]!r}')
        self.objects = whole['$objects']
        require(self.objects[0] == '$null', 'the first object is not $null')
        self.root = self.value(whole['$top']['root'])

    @staticmethod
    def check_table(body):
        """What Core Foundation checks of a list, and plistlib does not."""
        require(body[:8] == b'bplist00', f'the body begins with {body[:8]!r}')
        sizes = struct.unpack('>5xBBBQQQ', body[-32:])
        version, offset_size, reference_size, count, top, table = sizes
        require(version == 0 and offset_size > 0 and reference_size > 0 and top < count, f'the trailer is {sizes}')
        require(table + count * offset_size == len(body) - 32, 'the table does not end where the trailer begins')

    def value(self, uid):
        require(isinstance(uid, UID), f'{uid!r} stands where a reference should')
        written = self.objects[uid.data]
        if not isinstance(written, dict):
            require(uid.data != 0 and isinstance(written, (str, int, float, bytes)), f'{written!r} is no object')
            return written
        name, read = self.class_of(written), lambda key: [self.value(each) for each in written[key]]
        fields = set(written) - {'$class'}
        if name in ('NSDictionary', 'NSMutableDictionary') and fields == {'NS.keys', 'NS.objects'}:
            keys, values = read('NS.keys'), read('NS.objects')
            require(len(keys) == len(values) == len(set(keys)), f'keys and values do not fit: {written!r}')
            return dict(zip(keys, values))
        if name == 'NSArray' and fields == {'NS.objects'}:
            return read('NS.objects')
        if name == 'NSDate' and fields == {'NS.time'} and isinstance(written['NS.time'], float):
            return Date(written['NS.time'])
        if name == 'NSData' and fields == {'NS.data'}:
            return written['NS.data']
        if name == 'LLBSDProcessInfo':
            return Object(KIN[name], {field: self.value(written[field]) for field in fields})
        raise Broken(f'an object of class {name} with {sorted(fields)}')

    def class_of(self, written):
        record = self.objects[written['$class'].data]
        name = record['$classname']
        require(name in KIN and record['$classes'] == KIN[name], f'the class is {record!r}')
        return name


class Message:
    """One that came: of exactly these three entries, or two."""

    def __init__(self, body):
        whole = Unarchiver(body).root
        require(isinstance(whole, dict), f'the root is {whole!r}')
        require(set(whole) - {'userInfo'} == {'name', 'connectionInfo'}, f'the message has the keys {sorted(whole)}')
        self.name, self.info, by = whole['name'], whole.get('userInfo', Nothing), whole['connectionInfo']
        require(isinstance(self.name, str), f'the name is {self.name!r}')
        require(isinstance(by, Object), f'connectionInfo is {by!r}')
        fields = sorted(by.fields)
        require(fields == ['processIdentifier', 'processName'], f'connectionInfo has the fields {fields}')
        self.by = (by.fields['processName'], by.fields['processIdentifier'])


def same(one, other):
    """What == says, but that 1, 1.0 and True are three."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(same(*pair) for pair in zip(one, other))
    return one == other


def shown(value):
    """As the talker shows it."""
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, Date):
        return '@' + shown(float(value))
    if isinstance(value, float):
        return repr(value).removesuffix('.0')
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, bytes):
        return f'<{value.hex()}>'
    if isinstance(value, list):
        return '[' + ', '.join(map(shown, value)) + ']'
    if isinstance(value, dict):
        return '{' + ', '.join(f'{shown(key)}: {shown(each)}' for key, each in value.items()) + '}'
    return 'nothing' if value is Nothing else repr(value)


def body_of(name, info=Nothing, by=None, order=OLD_ORDER):
    whole = MutableDictionary(name=name)
    if info is not Nothing:
        whole['userInfo'] = info
    whole['connectionInfo'] = by or sender()
    return archived(whole, order)


def framed(body, further=b'', length=b'Content-Length: %d\r\n'):
    return b'HTTP/1.1 200 OK\r\n' + length % len(body) + further + b'\r\n' + body


def frame_of(*message, **more):
    return framed(body_of(*message, **more))


class Stream:
    """This end of a connection."""

    def __init__(self, connected):
        self.socket, self.waiting = connected, b''
        self.socket.settimeout(PATIENCE)

    def send(self, *message, **more):
        self.send_bytes(frame_of(*message, **more))

    def send_bytes(self, data):
        self.socket.sendall(data)

    def more(self):
        """Whether anything came, and not the end."""
        try:
            came = self.socket.recv(1 << 16)
        except ConnectionResetError:  # There was something that the other end has not read.
            return False
        except TimeoutError:
            raise Broken(f'neither a byte nor the end came within {PATIENCE} s') from None
        self.waiting += came
        return came != b''

    def receive(self):
        while b'\r\n\r\n' not in self.waiting:
            require(self.more(), f'the connection ended; before that came {self.waiting!r}')
        head = HEAD.match(self.waiting)
        require(head, f'the head is {self.waiting[:80]!r}')
        end = head.end() + int(head[1])
        while len(self.waiting) < end:
            require(self.more(), 'the connection ended in the middle of a message')
        body, self.waiting = self.waiting[head.end():end], self.waiting[end:]
        return Message(body)

    def expect_end(self):
        while self.more():
            pass
        require(self.waiting == b'', f'before the end came {self.waiting!r}')

    def expect_reply(self, name, info=Nothing):
        reply = self.receive()
        require(reply.name == f're: {name}', f'{name!r} was answered with {reply.name!r}')
        require(same(reply.info, info), f'{name!r} came back with {reply.info!r}, and was sent with {info!r}')
        return reply

    def converse(self, name, info=Nothing, **more):
        self.send(name, info, **more)
        return self.expect_reply(name, info)


class Talker:
    """The program of ours, line by line."""

    def __init__(self, how, folder):
        command = [TALKER, how, folder, NUMBER]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self.waiting, self.faults = b'', []

    def raw_line(self):
        give_up = time.monotonic() + PATIENCE
        while b'\n' not in self.waiting:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, give_up - time.monotonic()))
            require(ready, 'the talker shows nothing more')
            came = os.read(self.process.stdout.fileno(), 1 << 16)
            require(came, 'the talker has ended')
            self.waiting += came
        line, _, self.waiting = self.waiting.partition(b'\n')
        return line.decode(errors='replace')

    def line(self):
        """The next that is about a message."""
        while (line := self.raw_line()).startswith('fault from '):
            self.faults.append(line)
        return line

    def expect(self, expected):
        line = self.line()
        require(line == expected, f'the talker shows {line!r}, and should show {expected!r}')

    def expect_message(self, name, info=Nothing, pid=None):
        self.expect(f'{name} from {os.getpid() if pid is None else pid}: {shown(info)}')

    def expect_end(self):
        """Of its own accord; all that it still shows is of faults."""
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Broken('the talker does not end') from None
        rest = self.waiting + self.process.stdout.read()
        self.faults += rest.decode(errors='replace').splitlines()
        require(all(line.startswith('fault from ') for line in self.faults), f'the talker shows {self.faults}')
        require(status == 0, f'the talker ended with {status}')

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def is_by(self, message):
        expected = (os.path.basename(TALKER), self.process.pid)
        require(message.by == expected, f'connectionInfo is {message.by}, and should be {expected}')


class OurServer(Talker):
    """With as many connections to it as are asked for."""

    def __init__(self, folder, still):
        super().__init__('serve', folder)
        self.path, self.still = os.path.join(folder, NUMBER), still
        still.callback(self.close)
        self.expect('ready')

    def connect(self):
        connected = self.still.enter_context(socket.socket(socket.AF_UNIX))
        connected.settimeout(PATIENCE)
        connected.connect(self.path)
        return Stream(connected)

    def expect_served(self, name='honest'):
        """Others are."""
        one = self.connect()
        one.converse(name, {'still': True})
        self.expect_message(name, {'still': True})
        one.socket.close()


class OurClient(Talker):
    """Connected to a socket of this end's."""

    def __init__(self, folder, still):
        path = os.path.join(folder, NUMBER)
        listener = still.enter_context(socket.socket(socket.AF_UNIX))
        listener.settimeout(PATIENCE)
        listener.bind(path)
        os.chmod(path, 0o600)
        listener.listen(8)
        super().__init__('connect', folder)
        still.callback(self.close)
        connected, _ = listener.accept()
        self.stream = Stream(still.enter_context(connected))


CHECKS = []


def check(what, peer):
    """A function that is called with such a peer in a folder of its own."""

    def add(function):
        CHECKS.append((what, peer, function))
        return function

    return add


def run_check(peer, function):
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as still:  # Its mode is 0700.
        function(peer(folder, still))


# Everything in one: what a message may hold by itself, and what the talker allows beyond that.
EVERYTHING = {
    'text': 'plain',
    'empty': '',
    'yes': True,
    'no': False,
    'one': 1,
    'real': 0.5,
    'whole real': 1.0,
    'data': b'\x00\xff\r\n\r\n',
    'date': Date(86400.25),
    'list': [1, 'two', [], {}],
    'dictionary': {'inner': {'innermost': -1}},
}
HELLO = {
    'text': 'grüß',
    'count': -42,
    'ratio': 0.5,
    'new': True,
    'data': b'\x01\xff',
    'when': Date(86400.5),
    'list': [7, 'seen €', 7],
    'inner': {'seen €': 7},
}


# (a) The bytes.


@check('the frame of our client is the head and the archive, and nothing else', OurClient)
def _(client):
    client.stream.socket.shutdown(socket.SHUT_WR)
    while client.stream.more():
        pass
    came = client.stream.waiting
    head = HEAD.match(came)
    require(head, f'it begins with {came[:80]!r}')
    require(len(came) == head.end() + int(head[1]), f'{len(came)} bytes came, of which the head says {head[0]!r}')
    message = Message(came[head.end():])
    require(message.name == 'hello' and same(message.info, HELLO), f'it is {message.name!r} with {message.info!r}')
    client.is_by(message)
    client.expect_end()


@check('the frame of our server is the head and the archive, and nothing else', OurServer)
def _(server):
    one = server.connect()
    one.send('note', EVERYTHING)
    one.socket.shutdown(socket.SHUT_WR)
    while one.more():
        pass
    head = HEAD.match(one.waiting)
    require(head, f'it begins with {one.waiting[:80]!r}')
    require(len(one.waiting) == head.end() + int(head[1]), f'{len(one.waiting)} bytes came behind {head[0]!r}')
    message = Message(one.waiting[head.end():])
    require(message.name == 're: note' and same(message.info, EVERYTHING), f'it is {message.info!r}')
    server.is_by(message)


@check('nothing is sent before the first message, and nothing after the last', OurServer)
def _(server):
    one, other = server.connect(), server.connect()
    other.converse('other')
    ready, _, _ = select.select([one.socket, other.socket], [], [], 0.3)
    require(not ready, 'there is something to read')


# (b) As a client.


@check('messages come back, each with its own userInfo or none', OurServer)
def _(server):
    one = server.connect()
    for name, info in ('first', Nothing), ('second', EVERYTHING), ('third', Nothing), ('', {}), ('re: fifth', {'a': 1}):
        server.is_by(one.converse(name, info))
        server.expect_message(name, info)


@check('a userInfo is of any type', OurServer)
def _(server):
    one = server.connect()
    for info in 'text', '', 7, 0.25, True, b'', b'data', Date(0.5), [], [1, [2, [3]]], {}, {1: 'one', 'two': 2}:
        one.converse('any', info)
        server.expect_message('any', info)


@check('numbers stay what they are', OurServer)
def _(server):
    one = server.connect()
    edges = [edge + step for edge in (0, 2**7, 2**8, 2**15, 2**16, 2**31, 2**32) for step in (-1, 0, 1)]
    edges += [-edge for edge in edges] + [2**63 - 1, -2**63, 2**63, 2**64 - 1]
    reals = [0.0, 0.1, -1.5e300, 5e-324, 3.0]
    one.converse('numbers', {'edges': edges, 'reals': reals, 'flags': [True, 1, 1.0, False]})


@check('both ways of data, and text that can be changed', OurServer)
def _(server):
    one = server.connect()
    mutable = Object(['NSMutableString', 'NSString', 'NSObject'], plain={'NS.string': 'changed'})
    data = Object(KIN['NSData'], plain={'NS.data': b'boxed'})
    one.send('kinds', {'boxed': data, 'plain': b'plain', 'dictionary': MutableDictionary(a=1)})
    one.expect_reply('kinds', {'boxed': b'boxed', 'plain': b'plain', 'dictionary': {'a': 1}})
    server.line()
    one.send('text', mutable)
    server.expect_message('text', 'changed')


@check('a newer archiver has its keys in another order', OurServer)
def _(server):
    server.connect().converse('newer', EVERYTHING, order=NEW_ORDER)


@check('a message is a dictionary, whether it can be changed or not', OurServer)
def _(server):
    one = server.connect()
    one.send_bytes(framed(archived({'connectionInfo': sender(), 'userInfo': 5, 'name': 'unchanging'})))
    one.expect_reply('unchanging', 5)


@check('two messages in one send are two, and half of a third waits', OurServer)
def _(server):
    one = server.connect()
    third = frame_of('third', {'number': 3})
    one.send_bytes(frame_of('first', {'number': 1}) + frame_of('second') + third[:60])
    one.expect_reply('first', {'number': 1})
    one.expect_reply('second')
    one.send_bytes(third[60:] + frame_of('fourth'))
    one.expect_reply('third', {'number': 3})
    one.expect_reply('fourth')
    for name, info in ('first', {'number': 1}), ('second', Nothing), ('third', {'number': 3}), ('fourth', Nothing):
        server.expect_message(name, info)


@check('a message one byte at a time is the same', OurServer)
def _(server):
    one = server.connect()
    for byte in frame_of('bytewise', EVERYTHING):
        one.send_bytes(bytes([byte]))
        time.sleep(0.0005)
    one.expect_reply('bytewise', EVERYTHING)


@check('names and texts are of any script', OurServer)
def _(server):
    one = server.connect()
    for name in 'Grüße', '你好，世界', '\U0001f600 smile', 'שלום', 'e\u0301', '\u00e9', 'x' * 300, 'ü' * 300:
        info = {name: [name]}
        one.converse(name, info)
        server.expect_message(name, info)
    one.converse('zero', {'text': 'a\0b', 'key\0one': 1, 'key\0two': 2, 'key': 3})


@check('archives are of few objects and of many', OurServer)
def _(server):
    one = server.connect()
    for count in 14, 15, 16, 240, 300, 70_000:
        one.converse('many', {'list': list(range(count)), 'dictionary': {f'key {i}': i % 7 for i in range(count // 3)}})


@check('dictionaries in dictionaries, and objects that are there twice', OurServer)
def _(server):
    deep = {'bottom': 'reached'}
    for level in range(60):
        deep = {f'level {level}': deep, 'again': 'reached'}
    shared = {'shared': ['same', 'same']}
    server.connect().converse('nested', {'deep': deep, 'one': shared, 'other': shared, 'both': [shared, shared]})


@check('who a client says it is counts for nothing', OurServer)
def _(server):
    one = server.connect()
    for pid in 1, server.process.pid, 0, -1, 2**40:
        server.is_by(one.converse('claim', by=sender('launchd', pid)))
        server.expect_message('claim')
    one.converse('no name', by=sender(None))


@check('a pid is that of the process that connected', OurServer)
def _(server):
    source = 'import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); ' \
             's.sendall(sys.stdin.buffer.read()); s.recv(1)'
    child = subprocess.Popen([sys.executable, '-c', source, server.path], stdin=subprocess.PIPE)
    with child:
        child.communicate(frame_of('of a child'), PATIENCE)
    server.expect_message('of a child', pid=child.pid)


@check('what goes to all reaches both clients, and a reply only its own', OurServer)
def _(server):
    one, other = server.connect(), server.connect()
    one.converse('one', {'of': 'one'})
    other.converse('other', {'of': 'other'})
    one.send('all', EVERYTHING)
    for each in one, other:
        message = each.receive()
        require(message.name == 'all' and same(message.info, EVERYTHING), f'it is {message.name!r}, {message.info!r}')
        server.is_by(message)
    one.converse('one')
    other.converse('other')


@check('a header that nobody knows is passed over', OurServer)
def _(server):
    one = server.connect()
    body = body_of('with more')
    for frame in (framed(body, further=b'X-Unknown: yes, 5; "what"\r\n'),
                  framed(body, further=b'Date: Sun, 01 Feb 2015 10:00:00 GMT\r\nServer: plain\r\n'),
                  framed(body, length=b'X-Before: 5\r\nContent-Length: %d\r\n')):
        one.send_bytes(frame)
        one.expect_reply('with more')


@check('a header is known by its name, in whatever case, and a blank is not needed', OurServer)
def _(server):
    one = server.connect()
    for length in b'content-length: %d\r\n', b'CONTENT-LENGTH: %d\r\n', b'Content-Length:%d\r\n':
        one.send_bytes(framed(body_of('in other letters'), length=length))
        one.expect_reply('in other letters')


@check('a length within another header is none', OurServer)
def _(server):
    one = server.connect()
    for decoy in (b'X-Content-Length: 5\r\n', b'X-Odd: Content-Length: 5\r\n', b'X-Odd: rnContent-Length: 5\r\n',
                  b'X-Odd: -*Content-Length: 5\r\n'):
        one.send_bytes(framed(body_of('decoy'), length=decoy + b'Content-Length: %d\r\n'))
        try:
            one.expect_reply('decoy')
        except Broken as why:
            raise Broken(f'with {decoy!r} in front of the length: {why}') from None


@check('three megabytes go there and come back', OurServer)
def _(server):
    server.connect().converse('large', {'text': 'x' * 3_000_000, 'data': os.urandom(100_000)})


@check('whoever leaves at once is heard, and has done no wrong', OurServer)
def _(server):
    for i in range(20):
        one = server.connect()
        one.send_bytes(frame_of('first') + frame_of('second'))
        one.socket.close()
        server.expect_message('first')
        server.expect_message('second')
    server.expect_served()
    require(not server.faults, f'the talker shows {server.faults}')


@check('what one has begun and left reaches no other', OurServer)
def _(server):
    for cut in 10, 45, 200:
        one = server.connect()
        one.send_bytes(frame_of('of one who left')[:cut])
        one.socket.close()
        server.expect_served()


@check('our server ends its clients when it ends', OurServer)
def _(server):
    one, other = server.connect(), server.connect()
    other.converse('other')
    server.expect_message('other')
    one.send('end', {'why': 'enough'})
    server.expect_message('end', {'why': 'enough'})
    one.expect_end()
    other.expect_end()
    server.expect_end()


# (c) As a server.


def meet(client):
    """Takes the client's greeting."""
    message = client.stream.receive()
    require(message.name == 'hello' and same(message.info, HELLO), f'it says {message.name!r} with {message.info!r}')
    client.is_by(message)
    return client.stream


def expect_once_more(client):
    message = client.stream.receive()
    require(message.name == 'once more' and message.info is Nothing, f'it says {message.name!r}, {message.info!r}')
    client.is_by(message)


@check('our client says hello, hears, answers and ends', OurClient)
def _(client):
    stream = meet(client)
    stream.send('welcome', EVERYTHING)
    client.line()
    stream.send('Grüße', {'list': [1, 'zwei'], 'when': Date(0.5)})
    client.expect_message('Grüße', {'list': [1, 'zwei'], 'when': Date(0.5)})
    stream.send('again')
    client.expect_message('again')
    expect_once_more(client)
    stream.send('again', {'newer': True}, order=NEW_ORDER)
    client.expect_message('again', {'newer': True})
    expect_once_more(client)
    stream.send('end')
    client.expect_message('end')
    stream.expect_end()
    client.expect_end()
    require(not client.faults, f'the talker shows {client.faults}')


@check('our client takes many at once, and one in pieces', OurClient)
def _(client):
    stream = meet(client)
    stream.send_bytes(frame_of('again') * 5)
    for byte in frame_of('again'):
        stream.send_bytes(bytes([byte]))
        time.sleep(0.0005)
    for i in range(6):
        expect_once_more(client)


@check('our client believes nobody who it talks to', OurClient)
def _(client):
    meet(client).send('claim', by=sender('launchd', client.process.pid))
    client.expect_message('claim')


@check('our client ends when its server does', OurClient)
def _(client):
    meet(client).socket.close()
    client.expect_end()
    require(not client.faults, f'the talker shows {client.faults}')


@check('our client ends when its server does, which has read nothing', OurClient)
def _(client):
    select.select([client.stream.socket], [], [], PATIENCE)
    client.stream.socket.close()
    client.expect_end()
    require(not client.faults, f'the talker shows {client.faults}')


# (d) What nobody should take.

BODY = body_of('bad')
BAD_FRAMES = {
    'in chunks': b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n' % (len(BODY), BODY),
    'in chunks, and with a length': framed(BODY, further=b'Transfer-Encoding: chunked\r\n'),
    'of two lengths': framed(BODY, further=b'Content-Length: 5\r\n'),
    'of one length twice': framed(BODY, further=b'Content-Length: %d\r\n' % len(BODY)),
    'of a list of lengths': framed(BODY, length=b'Content-Length: %d, 5\r\n'),
    'of no length': framed(BODY, length=b'X-Length: %d\r\n'),
    'of a negative length': b'HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n' + BODY,
    'of a length with a sign': framed(BODY, length=b'Content-Length: +%d\r\n'),
    'of a length in hexadecimal': framed(BODY, length=b'Content-Length: 0x%x\r\n'),
    'of a length beyond all': b'HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551621\r\n\r\n' + BODY,
    'of a length that is too large': b'HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n' + BODY,
    'of a length in a folded line': framed(BODY, length=b'Content-Length:\r\n %d\r\n'),
    'with one bare line feed in its head': framed(BODY).replace(b'OK\r\n', b'OK\n', 1),
    'with bare line feeds for all ends of lines': b'HTTP/1.1 200 OK\nContent-Length: %d\n\n' % len(BODY) + BODY,
    'with a NUL in its head': framed(BODY, further=b'X-Odd: a\0b\r\n'),
    'of a request': framed(BODY).replace(b'HTTP/1.1 200 OK', b'POST / HTTP/1.1', 1),
    'of another answer': framed(BODY).replace(b'200 OK', b'404 Not Found', 1),
    'of another version': framed(BODY).replace(b'HTTP/1.1', b'HTTP/1.0', 1),
    'without a body': b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    'of a body that is no archive': framed(b'hello'),
    'of a property list that is no archive': framed(plistlib.dumps({'name': 'bad'}, fmt=plistlib.FMT_BINARY)),
}


def expect_refused(server, frame):
    one, before = server.connect(), len(server.faults)
    with contextlib.suppress(BrokenPipeError):  # It may end before all is sent.
        one.send_bytes(frame)
    one.expect_end()
    server.expect_served()
    require(len(server.faults) == before + 1, f'the talker shows {server.faults[before:]}')
    pid = os.getpid()
    require(server.faults[-1].startswith(f'fault from {pid}: '), f'the talker shows {server.faults[-1]!r}')


def add_refusal(what, frame):
    check(what, OurServer)(lambda server: expect_refused(server, frame))


for what, frame in BAD_FRAMES.items():
    add_refusal(f'a frame {what} ends its connection, and nothing else', frame)

BAD_PARTS = {
    'a userInfo of a class that is not allowed': dict(info=url()),
    'an object of such a class deep in a userInfo': dict(info={'list': [1, {'deep': [url()]}]}),
    'a class that says it is a kind of NSDictionary': dict(info={'a': url(['NSURL', 'NSDictionary', 'NSObject'])}),
    'a class that says it is a kind of LLBSDProcessInfo': dict(by=url(['Process', 'LLBSDProcessInfo', 'NSObject'])),
    'a URL in the connectionInfo': dict(by=sender(url())),
    'a URL for a connectionInfo': dict(by=url()),
}
for what, parts in BAD_PARTS.items():
    add_refusal(f'{what} ends the connection, and nothing else', frame_of('bad', **parts))

BAD_ROOTS = {
    'a list': ['name', 'bad'],
    'a text': 'bad',
    'a dictionary without a name': {'userInfo': 1, 'connectionInfo': sender()},
    'a dictionary with a number for a name': {'name': 1, 'connectionInfo': sender()},
}
for what, root in BAD_ROOTS.items():
    add_refusal(f'{what} is no message, and ends its connection', framed(archived(root)))


@check('circles, and objects that would be millions, do no harm', OurServer)
def _(server):
    circle = MutableDictionary()
    circle['self'] = circle
    many = ['many']
    for _ in range(40):
        many = [many, many]
    for info in circle, many:
        one = server.connect()
        one.send('odd', info)
        require(server.line().startswith(f'odd from {os.getpid()}: '), 'it is not taken')
        server.expect_served()


@check('our client refuses a bad frame, and a class that is not allowed', OurClient)
def _(client):
    meet(client).send('bad', {'url': url()})
    client.stream.expect_end()
    client.expect_end()
    require(len(client.faults) == 1 and 'NSURL' in client.faults[0], f'the talker shows {client.faults}')


@check('our client refuses a frame of two lengths', OurClient)
def _(client):
    meet(client).send_bytes(BAD_FRAMES['of two lengths'])
    client.stream.expect_end()
    client.expect_end()
    require(len(client.faults) == 1, f'the talker shows {client.faults}')


def main():
    faults = 0
    for what, peer, function in CHECKS:
        try:
            run_check(peer, function)
            print(f'ok: {what}')
        except Exception as why:  # Whatever it is.
            faults += 1
            print(f'FAILED: {what}\n  {type(why).__name__}: {str(why)[:1000]}')
        sys.stdout.flush()
    print(f'{len(CHECKS)} checks, {faults} failed')
    return 1 if faults else 0


sys.exit(main())
