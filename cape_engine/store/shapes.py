"""Stand-in until the other branch."""
import numpy as np
from cape_engine import bridge
from cape_engine.bridge import LineShapes, readonly, NO_NUMBER
from cape_engine.schema import rows as t

_CACHE = {}
def shapes_of(p):
    if p.name in _CACHE and p.name.startswith("part-"):
        return _CACHE[p.name]
    out = _derive(p)
    if p.name.startswith("part-"): _CACHE[p.name] = out
    return out

def _derive(p):
    codes, voc = bridge.codes(p.tariffs, t.HTS_NUMBER)
    order = np.argsort(np.array(voc, object), kind="stable") if voc else np.zeros(0, int)
    rank = np.empty(len(voc) + 1, np.int64); rank[order] = np.arange(len(voc)); rank[-1]=0
    codes = rank[codes]; voc = [voc[i] for i in order]
    cnt = bridge.integers(p.lines, t.TARIFF_COUNT, 0)
    off = np.zeros(len(cnt) + 1, np.int64); np.cumsum(cnt, out=off[1:])
    value = bridge.integers(p.tariffs, t.VALUE_DOLLARS)
    m = len(cnt)
    last = np.zeros(len(codes), bool); last[off[1:][cnt > 0] - 1] = True
    other = value[~last]
    filler = 0 if (other == 0).sum() >= (other == -1).sum() else -1
    beside = np.flatnonzero(~last & (value != filler))
    line_of = np.repeat(np.arange(m), cnt)
    valued = np.zeros(m, bool); valued[line_of[beside]] = True
    words, lists = [], []
    for c in (t.COUNTRY_OF_ORIGIN, t.SPI_CODE, t.SET_INDICATOR, t.FTZ_STATUS):
        w, l = bridge.codes(p.lines, c)
        w = w.copy()
        blank = [i for i, x in enumerate(l) if x == ""]
        w[np.isin(w, blank)] = -1
        words.append(w); lists.append(l)
    cols = np.stack([*words, valued.astype(int), cnt], axis=1)
    width = int(cnt.max(initial=1))
    pre = np.full((m, max(width - 1, 0)), -1)
    for k in range(width - 1):
        has = cnt - 1 > k
        pre[has, k] = codes[off[:-1][has] + k]
    key = np.concatenate([cols, pre], axis=1)
    bits = max(len(voc), 1).bit_length()
    if m:
        u, first, inv = np.unique(key, axis=0, return_index=True, return_inverse=True)
    else:
        first, inv = np.zeros(0, int), np.zeros(0, int)
    size = cnt[first]
    n = np.maximum(size - 1, 0)
    start = np.concatenate([[0], np.cumsum(n)])[:-1] if len(n) else np.zeros(0)
    before = np.concatenate([codes[off[f]:off[f] + k] for f, k in zip(first, n)] + [np.zeros(0, int)])
    lastnum = np.where(cnt > 0, codes[np.maximum(off[1:] - 1, 0)] if len(codes) else 0, 0)
    val = np.where(cnt > 0, value[np.maximum(off[1:] - 1, 0)] if len(codes) else -1, -1)
    i4 = lambda a: readonly(np.asarray(a).astype(np.int32))
    if val.max(initial=0) < 2**31: val = i4(val)
    d = bridge.days(p.lines, t.PRIVILEGED_DATE)
    dl = np.flatnonzero(d != bridge.NO_DAY)
    return LineShapes(voc, bits, readonly((inv.reshape(-1).astype(np.int64) << bits) | lastnum), readonly(val), i4(size), i4(start), i4(before),
        tuple(i4(w[first]) for w in words), tuple(lists), valued[first], filler, i4(beside), readonly(value[beside].astype(np.int64)), i4(dl), i4(d[dl]))
