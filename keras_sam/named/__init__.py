"""The named methods: an ascent and a descent each, with the settings of their papers."""

from keras_sam.named.adaptive import ASAM, MuPSAM
from keras_sam.named.ahead import AOSAM, LookaheadSAM, Lookbehind, OptSAM
from keras_sam.named.bayes import BSAM
from keras_sam.named.chance import DetSAM, FrobSAM, RandomSAM, TraceSAM
from keras_sam.named.gap import CRSAM, GSAM, WSAM
from keras_sam.named.memory import MSAM, S2SAM, Friendly, SAMPa
from keras_sam.named.occasional import AESAM, Late, LookSAM, Periodic
from keras_sam.named.sam import SAM, SAMON, SecondOrder
from keras_sam.named.sparse import ESAM, SSAMD, SSAMF, DeltaSAM
from keras_sam.named.steps import FGSM, MultiStep

__all__ = [
    "AESAM",
    "AOSAM",
    "ASAM",
    "BSAM",
    "CRSAM",
    "ESAM",
    "FGSM",
    "GSAM",
    "MSAM",
    "S2SAM",
    "SAM",
    "SAMON",
    "SSAMD",
    "SSAMF",
    "WSAM",
    "DeltaSAM",
    "DetSAM",
    "Friendly",
    "FrobSAM",
    "Late",
    "LookSAM",
    "LookaheadSAM",
    "Lookbehind",
    "MuPSAM",
    "MultiStep",
    "OptSAM",
    "Periodic",
    "RandomSAM",
    "SAMPa",
    "SecondOrder",
    "TraceSAM",
]
