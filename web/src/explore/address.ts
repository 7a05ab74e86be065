// The address of an exploration; what is empty is left out.
export function exploreAddress(
  dataset: string,
  parts: Record<string, string>,
): string {
  const query = Object.entries(parts)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => {
      const text = encodeURIComponent(value).replace(
        /%(3A|3B|2C|21)/gi,
        decodeURIComponent,
      );
      return `${name}=${text}`;
    });
  const path = `/explore/${encodeURIComponent(dataset)}`;
  return query.length > 0 ? `${path}?${query.join('&')}` : path;
}
