"""What values some fields can have, beyond the catalogue: versions, methods, countries, numbers. Plain data."""

from __future__ import annotations

from mtls_tui.lang.catalogue import FieldInfo

HTTP_VERSIONS = ("HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3")
OTHER_HTTP_VERSIONS = frozenset({"HTTP/1.2", "SPDY/3.1"})
"""Hardly anybody speaks them, but they stand in many published rules, so they are not called mistakes."""
TLS_VERSIONS = ("none", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_METHODS = """
ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT CONNECT COPY DELETE GET HEAD LABEL LINK LOCK MERGE MKACTIVITY
MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE OPTIONS ORDERPATCH PATCH POST PRI PROPFIND PROPPATCH PUT QUERY
REBIND REPORT SEARCH TRACE UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE UPDATEREDIRECTREF VERSION-CONTROL
"""
METHODS = frozenset(_METHODS.split())
"""IANA's HTTP Method Registry. Others may be in use (`PURGE`), so none is called impossible for not being here."""
COMMON_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE")
"""Those of RFC 9110, and PATCH (RFC 5789)."""
_COUNTRIES = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO
FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE
JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO
MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW
PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM
TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
COUNTRIES = frozenset(_COUNTRIES.split())
"""ISO 3166-1 alpha-2."""
OTHER_COUNTRIES = frozenset({"T1", "XX", "XK", "EU", "AP", "A1", "A2", "O1"})
"""Codes outside ISO 3166-1 that are in use: Tor, unknown, Kosovo, and those of older address databases."""

_NUMBERS = {
    "http.request.timestamp.msec": (0, 999),
    "ip.src.asnum": (0, (1 << 32) - 1),
    "cf.threat_score": (0, 100),
    "http.response.code": (0, 999),
    "tcp.srcport": (0, 65535),
    "tcp.dstport": (0, 65535),
    "udp.srcport": (0, 65535),
    "udp.dstport": (0, 65535),
    "ip.ttl": (0, 255),
}
MOST = (1 << 63) - 1


def numbers_of(info: FieldInfo) -> tuple[int, int]:
    """The least and the greatest value of a field that is a number.

    Zero is never ruled out, even where the documented range begins above it: scores that were not computed are zero.
    """
    low, high = info.range or _NUMBERS.get(info.name, (0, MOST))
    return min(low, 0), high
