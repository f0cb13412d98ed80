"""Which backups are kept: the newest of each of the last days, weeks and months that have one."""

import datetime


def kept(stamps, daily, weekly, monthly):
    newest_first = sorted(stamps, reverse=True)
    # Whatever the numbers are.
    found = set(newest_first[:1])
    for count, period in ((daily, _day), (weekly, _week), (monthly, _month)):
        seen = set()
        for stamp in newest_first:
            if len(seen) == count:
                break
            if period(stamp) not in seen:
                seen.add(period(stamp))
                found.add(stamp)
    return found


def _date(stamp):
    return datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").date()


def _day(stamp):
    return _date(stamp)


def _week(stamp):
    return _date(stamp).isocalendar()[:2]


def _month(stamp):
    return stamp[:6]
