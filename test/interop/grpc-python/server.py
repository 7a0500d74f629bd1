# SPDX-License-Identifier: Apache-2.0

"""
A counter on gRPC for Python, whose server has a pool of ten threads if nobody says otherwise, as in Cloudstate's SDK for
Python: each stream holds one, and a stream for which there is none is taken and left lying. Messages are read and written
by hand, so that it needs nothing but grpcio.

Takes what it answers to discovery from standard input, and writes its port to standard output.
"""

import sys
from concurrent import futures

import grpc

SPEC = sys.stdin.buffer.read()
COUNTER = b"type.googleapis.com/perdure.test.Request"


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def read_varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return number, at


def fields(data):
    """The last value of each field: a number, or bytes."""
    found = {}
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        number, at = read_varint(data, at)
        if tag & 7 == 2:
            found[tag >> 3] = data[at : at + number]
            at += number
        else:
            found[tag >> 3] = number
    return found


def amount_of(payload):
    """Of an Any with a Request."""
    return fields(fields(payload).get(2, b"")).get(2, 0)


def counter_any(amount):
    return field(1, COUNTER) + field(2, field(2, amount))


def handle(messages, _context):
    total = 0
    for message in messages:
        for kind, value in fields(message).items():
            if kind == 2:
                total += amount_of(fields(value)[2])
            if kind == 3:
                command = fields(value)
                amount = amount_of(command[4])
                total += amount
                action = field(1, field(1, counter_any(total)))
                yield field(1, field(1, command[2]) + field(2, action) + field(4, counter_any(amount)))


def discover(_info, _context):
    return SPEC


def report_error(_error, _context):
    return b""


def services():
    unary = grpc.unary_unary_rpc_method_handler
    discovery = {"discover": unary(discover), "reportError": unary(report_error)}
    entities = {"handle": grpc.stream_stream_rpc_method_handler(handle)}
    yield grpc.method_handlers_generic_handler("cloudstate.EntityDiscovery", discovery)
    yield grpc.method_handlers_generic_handler("cloudstate.eventsourced.EventSourced", entities)


server = grpc.server(futures.ThreadPoolExecutor(max_workers=10))
server.add_generic_rpc_handlers(tuple(services()))
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
