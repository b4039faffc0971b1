"""ISO 20022 pain.001 files: a customer credit transfer of U.S. dollars to U.S. accounts (handbook 7.5).

The message is the same in versions 03 and 09 but for its namespace and the element around the execution date.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Int32s, single
from cape_engine.refund.payment_files.bank_file import BankFile, WrittenFile
from cape_engine.refund.payment_files.instructions import PaymentInstructions
from cape_engine.refund.payment_files.originator import PainOriginator
from cape_engine.schema import payment_files as p
from cape_engine.schema import results as r

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001."
_AGENT = (
    "<FinInstnId><ClrSysMmbId><ClrSysId><Cd>USABA</Cd></ClrSysId><MmbId>",
    "</MmbId></ClrSysMmbId><PstlAdr><Ctry>US</Ctry></PstlAdr></FinInstnId>",
)
_KINDS = pa.array(["CACC", "SVGS"])
"""Codes of checking and savings accounts (ISO 20022 external code set)."""


class PainWriter:
    """Writes payments into as many files as they need; memory holds the transactions of one file.

    Args:
        folder: where; files are made new.
        originator: who pays.
        names: of each account, as the format takes it.
        on: creation day.
        effective: requested execution day.
        version: 03 or 09.
        most: transactions of a file.
    """

    def __init__(
        self,
        folder: Path,
        originator: PainOriginator,
        names: pa.Array,
        *,
        on: dt.date,
        effective: dt.date,
        version: str,
        most: int,
    ) -> None:
        self.files: list[WrittenFile] = []
        self._folder = folder
        self._originator = originator
        self._names = escaped(names)
        self._on, self._effective = on, effective
        self._version = version
        self._most = most
        self._body: list[memoryview] = []
        self._count = self._total = 0
        self._keys = hashlib.sha256()

    def add(self, payments: PaymentInstructions) -> Int32s:
        """Write payments; number of the file of each: int32[n]."""
        file = np.empty(len(payments), np.int32)
        begin = 0
        while begin < len(payments):
            if self._count == self._most:
                self._close_file()
            some = payments.slice(begin, self._most - self._count)
            self._take(some)
            file[begin : begin + len(some)] = len(self.files)
            begin += len(some)
        return file

    def finish(self) -> list[WrittenFile]:
        """Close the last file; all of them."""
        if self._count:
            self._close_file()
        return self.files

    def name(self, number: int) -> str:
        """Name of a file by its number, from 0."""
        return f"pain.001-{self._on:%Y%m%d}-{number + 1:03d}.xml"

    def _take(self, payments: PaymentInstructions) -> None:
        """Transactions of the file under way."""
        text = _joined(transactions(payments, self._names))
        self._body.append(text)
        self._keys.update(text)
        self._count += len(payments)
        self._total += payments.total_cents

    def _close_file(self) -> None:
        """Head, transactions and end of a file."""
        number = len(self.files) + 1
        # Message ids differ wherever content does: two sendings of one day never share one.
        message = f"CAPE-{self._on:%Y%m%d}-{self._keys.hexdigest()[:12].upper()}-{number:03d}"
        file = BankFile(self._folder / self.name(number - 1))
        try:
            file.write(self._head(message).encode("utf-8"))
            for part in self._body:
                file.write(part)
            file.write(b"</PmtInf>\n</CstmrCdtTrfInitn>\n</Document>\n")
            digest = file.close()
        finally:
            file.give_up()
        facts = {"message_id": message}
        self.files.append(WrittenFile(file.path.name, digest, file.size, self._count, self._total, facts))
        self._body, self._count, self._total = [], 0, 0
        self._keys = hashlib.sha256()

    def _head(self, message: str) -> str:
        """Group header and payment information."""
        who = self._originator
        sums = f"<NbOfTxs>{self._count}</NbOfTxs><CtrlSum>{dollars(self._total)}</CtrlSum>"
        day = self._effective.isoformat()
        execution = day if self._version == "03" else f"<Dt>{day}</Dt>"
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<Document xmlns="{NAMESPACE}{self._version}">\n<CstmrCdtTrfInitn>\n'
            f"<GrpHdr><MsgId>{message}</MsgId><CreDtTm>{self._on.isoformat()}T00:00:00</CreDtTm>{sums}"
            f"<InitgPty><Nm>{escape(who.initiating_party)}</Nm></InitgPty></GrpHdr>\n"
            f"<PmtInf><PmtInfId>{message}</PmtInfId><PmtMtd>TRF</PmtMtd>{sums}"
            "<PmtTpInf><SvcLvl><Cd>NURG</Cd></SvcLvl><LclInstrm><Cd>CCD</Cd></LclInstrm></PmtTpInf>"
            f"<ReqdExctnDt>{execution}</ReqdExctnDt><Dbtr><Nm>{escape(who.debtor_name)}</Nm></Dbtr>"
            f"<DbtrAcct><Id><Othr><Id>{escape(who.debtor_account)}</Id></Othr></Id><Ccy>USD</Ccy></DbtrAcct>"
            f"<DbtrAgt>{_AGENT[0]}{who.debtor_routing}{_AGENT[1]}</DbtrAgt>\n"
        )


def transactions(payments: PaymentInstructions, names: pa.Array) -> pa.Array:
    """One credit transfer for each payment, as text.

    Args:
        payments: the instructions.
        names: of all accounts, escaped.
    """
    table, accounts, place = payments.table, payments.accounts, pa.array(payments.place)
    kind = _KINDS.take(pa.array(accounts.kind[payments.place]))
    return pc.binary_join_element_wise(
        "<CdtTrfTxInf><PmtId><InstrId>",
        single(table, r.PAYMENT_KEY),
        "</InstrId><EndToEndId>",
        end_to_end_ids(table),
        '</EndToEndId></PmtId><Amt><InstdAmt Ccy="USD">',
        dollar_texts(table),
        f"</InstdAmt></Amt><CdtrAgt>{_AGENT[0]}",
        accounts.routing.take(place),
        f"{_AGENT[1]}</CdtrAgt><Cdtr><Nm>",
        names.take(place),
        "</Nm></Cdtr><CdtrAcct><Id><Othr><Id>",
        accounts.account.take(place),
        "</Id></Othr></Id><Tp><Cd>",
        kind,
        "</Cd></Tp><Ccy>USD</Ccy></CdtrAcct><RmtInf><Ustrd>",
        escaped(single(table, p.REFERENCE)),
        "</Ustrd></RmtInf></CdtTrfTxInf>\n",
        "",
    )


def end_to_end_ids(table: pa.Table) -> pa.Array:
    """Cohort and part: at most 35 characters, the same whenever the payment is written."""
    part = single(table, r.PART).cast(pa.string())
    return pc.binary_join_element_wise(single(table, p.COHORT), part, "-")


def dollar_texts(table: pa.Table) -> pa.Array:
    """Amounts as dollars with two decimals."""
    cents = single(table, p.PART_CENTS)
    whole = pc.divide(cents, 100)
    rest = pc.utf8_lpad(pc.subtract(cents, pc.multiply(whole, 100)).cast(pa.string()), 2, "0")
    return pc.binary_join_element_wise(whole.cast(pa.string()), rest, ".")


def dollars(cents: int) -> str:
    """One amount as dollars with two decimals."""
    return f"{cents // 100}.{cents % 100:02d}"


def escaped(texts: pa.Array) -> pa.Array:
    """Texts as they stand between tags."""
    for sign, shown in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        texts = pc.replace_substring(texts, sign, shown)
    return texts


def _joined(texts: pa.Array) -> memoryview:
    """The bytes of texts, one after the other."""
    _validity, offsets, data = texts.buffers()
    places = np.frombuffer(offsets, np.int32, len(texts) + 1, texts.offset * 4)
    return memoryview(data)[int(places[0]) : int(places[-1])]
