"""The named methods: an ascent and a descent each, with the settings of their papers."""
