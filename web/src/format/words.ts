// Names of the model as people would write them.

// "voucher_id" as "voucher id".
export const plain = (name: string): string => name.replace(/[._-]+/g, ' ').trim();

// The same where a sentence begins: "Voucher id".
export function titled(name: string): string {
  const words = plain(name);
  return words.charAt(0).toUpperCase() + words.slice(1);
}
