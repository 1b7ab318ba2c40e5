// The data blocks of a page: found at once, opened when somebody looks.

// Blocks by what they hold. Journals are by the scenario's place in the report; a scenario has a
// part for each of its journals.
export function findBlocks(root) {
  const found = { report: null, history: null, omitted: null, journals: new Map() };
  for (const block of root.querySelectorAll('script[type="application/octet-stream"]')) {
    const { kind, of, part, from } = block.dataset;
    if (of === undefined) {
      found[kind] = block;
      continue;
    }
    if (!found.journals.has(Number(of))) found.journals.set(Number(of), []);
    const parts = found.journals.get(Number(of));
    parts[Number(part)] ??= { header: null, rows: [], entries: [] };
    const own = parts[Number(part)];
    if (kind === "header") own.header = block;
    else own[kind].push({ from: Number(from), block });
  }
  return found;
}

// What a block holds, as text.
export async function openText(block) {
  const packed = bytesOf(block.textContent);
  const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(plain).text();
}

export async function openJson(block) {
  return JSON.parse(await openText(block));
}

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
  return bytes;
}
