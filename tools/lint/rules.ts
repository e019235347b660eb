// Local oxlint rules: what the built-in ones cannot say. Each has its reason in docs/architecture.md, section "Rules".
interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}
interface Context {
  readonly filename: string;
  readonly sourceCode: { getCommentsBefore(node: unknown): readonly { type: string; value: string }[]; getText(): string };
  report(problem: { node: unknown; message: string }): void;
}

const DOCUMENTED = new Set([
  'FunctionDeclaration',
  'ClassDeclaration',
  'TSInterfaceDeclaration',
  'TSTypeAliasDeclaration',
  'VariableDeclaration',
]);

/** Every exported declaration carries a docstring. */
const requireDoc = {
  create(context: Context) {
    return {
      ExportNamedDeclaration(node: Node & { declaration?: Node | null }) {
        if (!node.declaration || !DOCUMENTED.has(node.declaration.type)) return;
        const comment = context.sourceCode.getCommentsBefore(node).at(-1);
        if (comment?.type !== 'Block' || !comment.value.startsWith('*'))
          context.report({ node, message: 'Exported declarations need a docstring: what it is for, in the present tense.' });
      },
    };
  },
};

/** No barrels and no default exports: a name is imported from the file that owns it. */
const noReExport = {
  create(context: Context) {
    const message = 'No re-exports: import from the file that owns the name.';
    return {
      ExportAllDeclaration: (node: Node) => context.report({ node, message }),
      ExportNamedDeclaration: (node: Node & { source?: unknown }) => {
        if (node.source) context.report({ node, message });
      },
      ExportDefaultDeclaration: (node: Node) => context.report({ node, message: 'No default exports: one name, the same everywhere.' }),
    };
  },
};

const IMPURE_MODULES = /^(node:(?!crypto$|buffer$|path$|util$)|execa$|ws$|pino$)/;
const IMPURE_GLOBALS = /^(process|fetch|setTimeout|setInterval|performance)$/;

/** Pure folders: no I/O, no clock, no randomness, no process. */
const pure = {
  create(context: Context) {
    const message = 'This folder is pure: values in, values out; no I/O, clock, randomness or process.';
    return {
      ImportDeclaration(node: Node & { source: { value: string }; specifiers: readonly { imported?: { name: string } }[] }) {
        if (IMPURE_MODULES.test(node.source.value)) context.report({ node, message });
        if (
          node.source.value === 'node:crypto' &&
          node.specifiers.some((specifier) => /random|generate/i.test(specifier.imported?.name ?? ''))
        )
          context.report({ node, message });
      },
      MemberExpression(node: Node & { object: { type: string; name?: string }; property: { name?: string } }) {
        const owner = node.object.type === 'Identifier' ? (node.object.name ?? '') : '';
        if (
          IMPURE_GLOBALS.test(owner) ||
          (owner === 'Date' && node.property.name === 'now') ||
          (owner === 'Math' && node.property.name === 'random')
        )
          context.report({ node, message });
      },
      NewExpression(node: Node & { callee: { type: string; name?: string }; arguments: readonly unknown[] }) {
        if (node.callee.type === 'Identifier' && node.callee.name === 'Date' && node.arguments.length === 0)
          context.report({ node, message });
      },
    };
  },
};

/** `process.exit` is nobody's; `process.exitCode` belongs to main.ts, `process.env` to config.ts. */
const processDoor = {
  create(context: Context) {
    const file = context.filename.replace(process.cwd(), '');
    const isMain = /\/(main|[a-z-]+-main)\.ts$/.test(file) || /\/(tools|bench|test)\//.test(file);
    const isConfig = file.endsWith('/config.ts') || /\/(tools|bench|test)\//.test(file);
    return {
      MemberExpression(node: Node & { object: { type: string; name?: string }; property: { name?: string } }) {
        if (node.object.type !== 'Identifier' || node.object.name !== 'process') return;
        const name = node.property.name;
        if (name === 'exit') context.report({ node, message: 'Nobody calls process.exit: return, or throw an AssayError.' });
        if (name === 'exitCode' && !isMain) context.report({ node, message: 'Only */main.ts sets process.exitCode.' });
        if (name === 'env' && !isConfig) context.report({ node, message: 'Only */config.ts reads process.env.' });
      },
    };
  },
};

/** Relative imports carry `.ts` and climb at most one folder; further away is `#core/…`. */
const importPath = {
  create(context: Context) {
    return {
      ImportDeclaration(node: Node & { source: { value: string } }) {
        const path = node.source.value;
        if (path.startsWith('.') && !/\.(ts|js|json)$/.test(path))
          context.report({ node, message: 'Relative imports carry their extension.' });
        if (/^(\.\.\/){2}/.test(path) && !/\/(test|tools|bench)\//.test(context.filename.replace(process.cwd(), '')))
          context.report({ node, message: 'At most one "..": use the #core/… form across parts.' });
      },
    };
  },
};

const plugin = {
  meta: { name: 'assay' },
  rules: { 'require-doc': requireDoc, 'no-re-export': noReExport, pure, 'process-door': processDoor, 'import-path': importPath },
};

export default plugin;
