// Days of a time zone as instants, worked out apart from the server.

// Milliseconds that `zone` is ahead of UTC at an instant.
function ahead(ms, zone) {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(ms);
  const at = Object.fromEntries(parts.map((part) => [part.type, Number(part.value)]));
  const wall = Date.UTC(at.year, at.month - 1, at.day, at.hour, at.minute, at.second);
  return wall - Math.floor(ms / 1000) * 1000;
}

// Midnight in `zone` of the day `days` after today, as ISO 8601 in UTC.
export function midnight(zone, days = 0, now = Date.now()) {
  const wall = new Date(now + ahead(now, zone));
  const wanted = Date.UTC(
    wall.getUTCFullYear(),
    wall.getUTCMonth(),
    wall.getUTCDate() + days,
  );
  const guess = wanted - ahead(wanted, zone);
  return new Date(wanted - ahead(guess, zone)).toISOString();
}
