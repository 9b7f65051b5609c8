"""Yahoo's names of exchanges, and by how much it lags them."""

from __future__ import annotations

from market_actors.domain.exchanges import CRYPTO, FX

_NAMES = {
    "XASX": "ASX CXA",
    "XNYS": "NYQ NYS NMS NGM NCM NAS PCX ASE BTS IEX PNK OQB OQX SNP DJI NIM CGI WCB CXI",
    "XLON": "LSE IOB FGI",
    "XTSE": "TOR VAN NEO CNQ",
    "XNZE": "NZE",
    "XETR": "GER",
    "XFRA": "FRA",
    "XPAR": "PAR",
    "XAMS": "AMS",
    "XBRU": "BRU",
    "XLIS": "LIS",
    "XDUB": "ISE",
    "XMIL": "MIL",
    "XMAD": "MCE",
    "XWBO": "VIE",
    "XHEL": "HEL",
    "XSTO": "STO",
    "XCSE": "CPH",
    "XOSL": "OSL",
    "XICE": "ICE",
    "XSWX": "EBS",
    "XWAR": "WSE",
    "XPRA": "PRA",
    "XBUD": "BUD",
    "XIST": "IST",
    "XHKG": "HKG",
    "XTKS": "JPX OSA",
    "XSES": "SES",
    "XBOM": "BSE NSI",
    "XKRX": "KSC KOE",
    "XSHG": "SHH SHZ",
    "XTAI": "TAI TWO",
    "XIDX": "JKT",
    "XKLS": "KLS",
    "XBKK": "SET",
    "XSAU": "SAU",
    "XTAE": "TLV",
    "XJSE": "JNB",
    "BVMF": "SAO",
    "XMEX": "MEX",
    "XBUE": "BUE",
    "XSGO": "SGO",
    "CMES": "CME CBT NYM CMX",
    FX: "CCY",
    CRYPTO: "CCC",
}

EXCHANGE_OF_NAME = {name: code for code, names in _NAMES.items() for name in names.split()}
"""Our code by the name that Yahoo sends."""

DELAY_SECONDS = {"XASX": 20 * 60, "XNYS": 0, FX: 0, CRYPTO: 0}
"""Its answers do not say; the delay of the ASX is the one that its readers agree on."""

USUAL_DELAY_SECONDS = 15 * 60
