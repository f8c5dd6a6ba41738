"""Writes the same orders with the serializers of Confluent's client: to the topics
avro_orders, protobuf_orders and json_orders. Their keys are in the same formats, but
those of json_orders without a schema.

usage: produce.py BROKERS REGISTRY COUNT DIRECTORY
"""

import datetime
import decimal
import json
import os
import sys

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from grpc_tools import protoc

AVRO = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "customer", "type": "string"},
        {"name": "status", "type": {"type": "enum", "name": "Status", "symbols": ["PLACED", "SHIPPED"]}},
        {"name": "items", "type": {"type": "array", "items": {"type": "record", "name": "Item", "fields": [
            {"name": "product", "type": "string"}, {"name": "quantity", "type": "int"}]}}},
        {"name": "counts", "type": {"type": "map", "values": "int"}},
        {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "note", "type": ["null", "string"], "default": None},
        {"name": "card", "type": ["null", "string"], "default": None},
        {"name": "voucher", "type": ["null", "long"], "default": None},
        {"name": "weight", "type": "double"},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
    ],
}

AVRO_KEY = {
    "type": "record",
    "name": "Key",
    "fields": [{"name": "shop", "type": "string"}, {"name": "number", "type": "long"}],
}

JSON = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "Order",
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "customer": {"type": "string"},
        "status": {"type": "string"},
        "items": {"type": "array"},
        "counts": {"type": "object"},
        "ts": {"type": "string"},
        "note": {"type": "string"},
        "card": {"type": "string"},
        "voucher": {"type": "integer"},
        "weight": {"type": "number"},
        "amount": {"type": "number"},
    },
}


def order(n):
    o = {
        "id": n,
        "customer": f"Kundin {n} ✓",
        "status": "SHIPPED" if n % 3 == 0 else "PLACED",
        "items": [{"product": f"p{i}", "quantity": n % 7 + i} for i in range(n % 4)],
        "counts": {"seen": n % 5, "bought": n % 2},
        "ts": datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(milliseconds=1234 * n),
        "weight": n / 8,
        "amount": decimal.Decimal(n * 37 % 100000) / 100,
    }
    if n % 2:
        o["note"] = f"note {n}"
    if n % 5 == 1:
        o["card"] = f"card-{n}"
    elif n % 5 == 2:
        o["voucher"] = n * 1000
    return o


def compile_proto(here, directory):
    if protoc.main(["protoc", "-I" + here, "-I" + os.path.join(os.path.dirname(protoc.__file__), "_proto"),
                    "--python_out=" + directory, "order.proto", "item.proto"]) != 0:
        sys.exit("protoc failed")
    sys.path.insert(0, directory)


def to_proto(module, o):
    m = module.Order(id=o["id"], customer=o["customer"], status=module.Status.Value(o["status"]), weight=o["weight"], counts=o["counts"])
    m.ts.FromDatetime(o["ts"])
    for item in o["items"]:
        m.items.add(**item)
    if "note" in o:
        m.note.value = o["note"]
    if "card" in o:
        m.card = o["card"]
    elif "voucher" in o:
        m.voucher = o["voucher"]
    return m


def to_json(o, _context=None):
    return dict(o, ts=o["ts"].isoformat(), amount=float(o["amount"]))


def main(brokers, url, count, directory):
    here = os.path.dirname(os.path.abspath(__file__))
    compile_proto(here, directory)
    import item_pb2
    import order_pb2

    registry = SchemaRegistryClient({"url": url})
    serializers = {
        "avro_orders": (AvroSerializer(registry, json.dumps(AVRO)), lambda o: o),
        "protobuf_orders": (ProtobufSerializer(order_pb2.Order, registry, {"use.deprecated.format": False}), lambda o: to_proto(order_pb2, o)),
        "json_orders": (JSONSerializer(json.dumps(JSON), registry, to_json), lambda o: o),
    }
    avro_key = AvroSerializer(registry, json.dumps(AVRO_KEY))
    protobuf_key = ProtobufSerializer(item_pb2.Item, registry, {"use.deprecated.format": False})
    keys = {
        "avro_orders": lambda n, context: avro_key({"shop": f"shop {n % 3}", "number": n}, context),
        "protobuf_orders": lambda n, context: protobuf_key(item_pb2.Item(product=f"shop {n % 3}", quantity=n), context),
        "json_orders": lambda n, _context: json.dumps({"shop": f"shop {n % 3}", "number": n}),
    }
    producer = Producer({"bootstrap.servers": brokers, "linger.ms": 5, "compression.type": "lz4"})
    for topic, (serialize, convert) in serializers.items():
        context = SerializationContext(topic, MessageField.VALUE)
        key_context = SerializationContext(topic, MessageField.KEY)
        for n in range(int(count)):
            producer.produce(topic, serialize(convert(order(n)), context), key=keys[topic](n, key_context))
            producer.poll(0)
        if producer.flush(60) > 0:
            sys.exit(f"{topic}: not all records were sent")


if __name__ == "__main__":
    main(*sys.argv[1:])
