"""`python -m keras_sam` is the command `keras-sam`."""

from keras_sam.experiments.main import main

if __name__ == "__main__":
    main()
