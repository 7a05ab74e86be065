// Gives the viewer a file.
export function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // The browser has read it by then.
  window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// "Net sales, by store" as a name every system takes.
export function fileName(title: string, extension: string): string {
  const plain = title
    .normalize('NFKD')
    .replace(/[^\p{Letter}\p{Number}]+/gu, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 80);
  return `${plain || 'freshet'}.${extension}`;
}
