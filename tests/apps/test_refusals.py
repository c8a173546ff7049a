"""Everything a user can get wrong ends in one line that says how to mend it."""

import re
import sys

import pytest

WRONG = [
    (["--model=resnt20"], "model: did you mean resnet20 .*Received: --model=resnt20"),
    (["--dataset=digit"], "dataset: did you mean digits.*Received: --dataset=digit"),
    (["--method=asm"], "method: did you mean .*asam.*Received: --method=asm"),
    (["--compare=sgd,samm"], "method: did you mean sam"),
    (["--optimizer=sdg"], "optimizer: did you mean sgd"),
    (["--schedule=cos"], "schedule: did you mean cosine|schedule: choose from"),
    (["--augment=basik"], "augmentation 'basik': did you mean basic"),
    (["--augment=none,basic"], "stands alone"),
    (["--augment=autoaugment"], "photographs of bytes.*Received: images of float32"),
    (["--nesterov", "--optimizer=adam"], "leave it out. Received: --optimizer=adam"),
    (["--warmup_epochs=1", "--schedule=step"], "part of the cosine schedule"),
    (["--holdout=1"], "below 1. Received: --holdout=1.0"),
    (["--preset=e66"], "preset: did you mean e6"),
    (["--normalization=bach"], "normalization: did you mean batch"),
    (["--inputs=raw"], "inputs: choose from standardised"),
    (["--mixed_precision=float61"], "mixed_precision: did you mean .*float16"),
    (["--jit_compile=yes"], "jit_compile: choose from auto, true, false"),
    (["--dataset=cifar100"], "cifar100_train.npz.*Received: data_dir=None"),
    (["--dataset=cifar10", "--data_dir=nowhere"], "data_batch_1.*'nowhere', which is not a"),
    (["--label_noise=1"], "below 1. Received: --label_noise=1.0"),
    (["--label_noise=-0.1"], "at least 0 and .* Received: --label_noise=-0.1"),
    (["--epochs=0"], "a positive integer. Received: --epochs=0"),
    (["--batch_size=0"], "a positive integer. Received: --batch_size=0"),
    (["--num_train=0"], "a positive integer. Received: --num_train=0"),
    (["--num_test=501"], "1 to 500 of them. Received: 501"),
    (["--num_batch_splits=0"], "Received: --num_batch_splits=0"),
    (["--learning_rate=0"], "above 0. Received: --learning_rate=0.0"),
    (["--learning_rate=nan"], "Received: --learning_rate=nan"),
    (["--weight_decay=-1"], "Received: --weight_decay=-1.0"),
    (["--momentum=1"], "below 1. Received: --momentum=1.0"),
    (["--optimizer=adam", "--momentum=0.9"], "leave it out. Received: --optimizer=adam"),
    (["--l2=-1"], "Received: --l2=-1.0"),
    (["--l2=1e-4", "--weight_decay=1e-4"], "in one way: set --weight_decay or --l2 to 0"),
    (["--average_start=0.5"], "--average=swa alone. Received: --average=None"),
    (["--schedule_factor=0.2"], "--schedule=step alone. Received: --schedule=cosine"),
    (["--schedule=step", "--schedule_steps=0.6,0.3"], "rising numbers .*Received: --sch.*=0.6,0.3"),
    (["--schedule=step", "--schedule_steps=half"], "between 0 and 1.*Received: --sch.*=half"),
    (["--bootstrap=firm"], "bootstrap: choose from soft, hard"),
    (["--seeds=0,0"], "different integers.*Received: --seeds=0,0"),
    (["--seeds=0,00"], "different integers.*Received: --seeds=0,00"),
    (["--seeds=4294967296"], "from 0 to 4294967295.*Received: --seeds=4294967296"),
    (["--seeds=" + 5000 * "1"], "from 0 to 4294967295"),
    (["--method=bsam", "--optimizer=adam"], "makes the whole update itself.*Received: optimizer="),
    (["--method=bsam", "--weight_decay=0.1"], "makes the whole update itself"),
    (["--compare=sgd,bsam:0.1", "--momentum=0.9"], "makes the whole update itself"),
    (["--method=sampa", "--num_batch_splits=2"], "Received: num_batch_splits=2"),
    (["--num_batch_splits=33"], "of 32 examples.*Received: --num_batch_splits=33"),
    (["--num_batch_splits=9", "--num_train=8"], "of 8 examples.*Received: --num_batch_splits=9"),
    (["--seeds=0,x"], "Received: --seeds=0,x"),
    (["--seeds="], "separated by commas"),
    (["--rho=-1"], "Received: rho=-1.0"),
    (["--rho=nan"], "Received: rho=nan"),
    (["--p=0.5"], "Received: p=0.5"),
    (["--method=fgsm", "--p=2"], "'fgsm' has the options .*steps.*Received: p=2.0"),
    (["--method_arguments=steps=3"], "'sam' has the options rho, p.*Received: steps=3"),
    (["--method_arguments=steps"], "name=value.*Received: --method_arguments=steps"),
    (["--method=wsam", "--method_arguments=decoupled=0"], "True or False. Received: decoupled=0"),
    (["--method=wsam", "--method_arguments=decoupled=no"], "False. Received: decoupled='no'"),
    (["--compare=sgd,sam:big"], "its rho, as in sam:0.5. Received: sam:big"),
    (["--compare=sam,sam"], "Received: --compare=sam,sam"),
    (["--compare=all,all"], "compared once.*Received: --compare="),
    (["--compare=all:0.5"], "Unknown method.*Received: --method=all"),
    (["--compare=sgd:0.1,sam"], "takes no arguments. Received: rho=0.1"),
    (["--method=sgd", "--rho=0.1"], "takes no arguments. Received: rho=0.1"),
    (["--resume", "--overwrite"], "Choose one.*Received: --resume --overwrite$"),
    (["--epochs=many"], "epochs must be a positive integer. Received: --epochs=many$"),
    (["--nesterov=maybe"], "nesterov must be true or false. Received: --nesterov=maybe$"),
    ([f"--epochs={'9' * 400}"], "below 2147483648. Received: --epochs=9{100} … 9{50}$"),
    ([f"--epochs={'9' * 5000}"], "positive integer. Received: --epochs=9+ … 9{50}$"),
    (
        [f"--method_arguments=every={'9' * 400}"],
        "below 2147483648. Received: every=9{100} … 9{50}$",
    ),
    ([f"--method_arguments=p={'9' * 400}"], "p must be a number.*Received: p=9{100} … 9{50}$"),
    ([f"--learning_rate={'9' * 400}"], "Received: --learning_rate=inf$"),
    (["--flagfile"], "a flag on each line. Received: --flagfile with no argument$"),
    (["--flagfile=nowhere"], "a flag on each line. Received: Unable to open .*'nowhere'$"),
    (["--flagfile=."], "a flag on each line. Received: Unable to open .*: '.'$"),
    (["--data_dir=a\0b", "--dataset=svhn"], r"of code 0. Received: --data_dir='a\\x00b'$"),
    (["--imbalance=1"], "above 1: leave it out.*Received: --imbalance=1$"),
    (["--imbalance=nan"], "above 1.*Received: --imbalance=nan$"),
    (["--evaluate_on=corruptd"], "did you mean corrupted.*Received: --evaluate_on=corruptd$"),
    (["--evaluate_on=svhn"], "data_dir must hold svhn/train.*Received: data_dir=None$"),
    (["--download"], "add --data_dir. Received: --download --data_dir=None$"),
    (["--download", "--data_dir=x", "--dataset=flowers12"], "cannot be downloaded.*flowers12$"),
    (["--log=csvv"], "Unknown log: .*csv.*Received: --log=csvv$"),
    (["--verbose=3"], r"auto, 0, 1, 2. Received: --verbose=3$"),
]


@pytest.mark.parametrize("arguments, message", WRONG, ids=lambda value: str(value)[:40])
def test_wrong_option(refusal, arguments, message):
    assert re.search(message, refusal(*arguments))


FLAG_FILES = {
    "bytes": (
        b"\x7fELF\xff\x00",
        "a flag on each line. Received: --flagfile=.*, which is no text$",
    ),
    "half": (b"--epochs=1\n--num_train=\xff", "Received: --flagfile=.*, which is no text$"),
    "a path with a zero": (b"--data_dir=a\0b", r"of code 0. Received: --data_dir='a\\x00b'$"),
    "words": (b"secret " * 900, "two dashes, see --help. Received: secret .{130,200}$"),
    "zeros": (bytes(99), "two dashes, see --help. Received: \N{REPLACEMENT CHARACTER}+$"),
}


@pytest.mark.parametrize("kind", FLAG_FILES)
def test_wrong_file_of_flags(refusal, tmp_path, kind):
    content, message = FLAG_FILES[kind]
    path = tmp_path / "flags.txt"
    path.write_bytes(content)
    assert re.search(message, refusal(f"--flagfile={path}"))


def test_work_directory_that_is_a_file(refusal, tmp_path):
    path = tmp_path / "file"
    path.write_text("mine")
    assert f"must be a folder. Received: --workdir={path}" in refusal(f"--workdir={path}")


def test_missing_matplotlib_is_noticed_before_training(refusal, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert "pip install keras-sam[apps]" in refusal()
