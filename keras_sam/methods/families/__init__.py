"""The named methods: an ascent and a descent each, with the settings of their papers."""

from keras_sam.methods.families.adaptive import ASAM, MuPSAM
from keras_sam.methods.families.ahead import AOSAM, LookaheadSAM, Lookbehind, OptSAM
from keras_sam.methods.families.bayes import BSAM
from keras_sam.methods.families.chance import DetSAM, FrobSAM, RandomSAM, TraceSAM
from keras_sam.methods.families.gap import CRSAM, GSAM, WSAM
from keras_sam.methods.families.memory import MSAM, S2SAM, Friendly, SAMPa
from keras_sam.methods.families.occasional import AESAM, Late, LookSAM, Periodic
from keras_sam.methods.families.sam import SAM, SAMON, SecondOrder
from keras_sam.methods.families.sparse import ESAM, SSAMD, SSAMF, DeltaSAM
from keras_sam.methods.families.steps import FGSM, MultiStep

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
