# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""frames.py: frames taken apart and put together, without any of the code under test."""
import dataclasses
import ipaddress

IPV4, IPV6, TCP = 0x0800, 0x86DD, 6
VLANS = (0x8100, 0x88A8)
FIN, SYN, RST, ACK = 1, 2, 4, 16


def number(data, at, size):
    return int.from_bytes(data[at : at + size], "big")


def mapped(ipv4):
    """::ffff:a.b.c.d as 16 bytes."""
    return bytes(10) + b"\xff\xff" + ipv4


def address_text(address):
    v6 = ipaddress.IPv6Address(address)
    return str(v6.ipv4_mapped or v6)


@dataclasses.dataclass
class Packet:
    """What the examples look at. payload is what stands behind IP, None for later fragments."""

    version: int
    src: bytes
    dst: bytes
    protocol: int
    payload: bytes
    size: int


def parse(frame):
    """A Packet, or None for what is not IP."""
    at, ethertype = 14, number(frame, 12, 2)
    while ethertype in VLANS and at < 22:
        ethertype = number(frame, at + 2, 2)
        at += 4
    ip = frame[at:]
    if ethertype == IPV4 and len(ip) >= 20:
        first = number(ip, 6, 2) & 0x1FFF == 0
        payload = ip[(ip[0] & 15) * 4 :] if first else None
        return Packet(4, mapped(ip[12:16]), mapped(ip[16:20]), ip[9], payload, len(frame))
    if ethertype == IPV6 and len(ip) >= 40:
        return Packet(6, ip[8:24], ip[24:40], ip[6], ip[40:], len(frame))
    return None


def packets(frames):
    return [p for p in map(parse, frames) if p]


@dataclasses.dataclass
class Segment:
    src_port: int
    dst_port: int
    flags: int
    data: bytes


def segment(packet):
    """The TCP segment, or None."""
    tcp = packet.payload
    if packet.protocol != TCP or tcp is None or len(tcp) < 20:
        return None
    return Segment(number(tcp, 0, 2), number(tcp, 2, 2), tcp[13], tcp[(tcp[12] >> 4) * 4 :])


# ---- making ----


def tcp(src_port, dst_port, flags=ACK, data=b"", options=b""):
    header = src_port.to_bytes(2, "big") + dst_port.to_bytes(2, "big") + bytes(8)
    return header + bytes([(20 + len(options)) // 4 << 4, flags]) + bytes(6) + options + data


def ethernet(ethertype, rest, vlan=None):
    tag = b"" if vlan is None else b"\x81\x00" + vlan.to_bytes(2, "big")
    return (bytes(12) + tag + ethertype.to_bytes(2, "big") + rest).ljust(60, b"\0")


def ipv4(src, dst, payload, protocol=TCP, vlan=None):
    """src, dst: text or number."""
    addresses = b"".join(ipaddress.IPv4Address(a).packed for a in (src, dst))
    size = (20 + len(payload)).to_bytes(2, "big")
    header = b"\x45\0" + size + bytes(4) + bytes([64, protocol, 0, 0]) + addresses
    return ethernet(IPV4, header + payload, vlan)


def ipv6(src, dst, payload, protocol=TCP, vlan=None):
    addresses = b"".join(ipaddress.IPv6Address(a).packed for a in (src, dst))
    header = b"\x60\0\0\0" + len(payload).to_bytes(2, "big") + bytes([protocol, 64]) + addresses
    return ethernet(IPV6, header + payload, vlan)
