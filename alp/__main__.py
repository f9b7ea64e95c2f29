"""``python -m alp`` is the ``alp`` command."""

from alp.cli import main

if __name__ == "__main__":
    main()
