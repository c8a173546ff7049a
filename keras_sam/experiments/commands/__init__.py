"""The commands: what each app does, with the text of its `--help`; `keras-sam` has them all."""
