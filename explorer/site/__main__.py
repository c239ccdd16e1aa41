"""`python -m explorer.site OUT` writes the web site that needs no server."""

import argparse
import sys

from explorer.site.gallery import write_site


def main() -> None:
    """Write the site, and say which page is being computed."""
    parser = argparse.ArgumentParser(prog="python -m explorer.site", description="Write a web site of all cases that needs no server.")
    parser.add_argument("folder", help="where to; made if it is not there")
    parser.add_argument("--app", default="", help="address of a running app, for links that open a case in it")
    given = parser.parse_args()
    try:
        first = write_site(given.folder, app=given.app, told=lambda name: sys.stderr.write(f"{name}\n"))
    except (ValueError, OSError) as error:
        parser.exit(2, f"{error}\n")
    sys.stdout.write(f"{first}\n")


if __name__ == "__main__":
    main()
