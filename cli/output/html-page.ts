import { shown } from '#core/verify/foreign-text.ts';

const STYLE =
  'body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1a1a1a;background:#fff}table{border-collapse:collapse;width:100%}' +
  'td,th{border:1px solid #ccc;padding:.3rem .5rem;text-align:left;vertical-align:top}code{overflow-wrap:anywhere}.failed,.error,.undecided{color:#a00000}.findings,.warning,.not-replayable{color:#7a4a00}.passed{color:#006020}' +
  '@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}td,th{border-color:#444}.failed,.error,.undecided{color:#ff8a80}.findings,.warning,.not-replayable{color:#ffcc80}.passed{color:#a5d6a7}}';
/** Nothing is loaded and nothing runs, whatever text is in the page. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";
/** Longest foreign text in one place. */
const TEXT_LENGTH = 800;

/**
 * One self-contained page: no scripts, no links, nothing loaded.
 * @param title text
 * @param body HTML, made safe by the caller with {@link escapeHtml}
 */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}"><title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body>
${body}
</body>
</html>
`;
}

/** Text that cannot leave its element or attribute. */
export function escapeHtml(text: string): string {
  return shown(text, TEXT_LENGTH)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
