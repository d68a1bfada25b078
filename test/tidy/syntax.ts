import {
  type ArrowFunctionExpression,
  type Function as FunctionNode,
  type Node,
  type Program,
  parseSync,
  type StaticMemberExpression,
  Visitor,
  type VisitorObject,
} from 'oxc-parser';
import type { Source } from './sources.ts';

/** A module named in a file: by import, export-from, import(), a type import, import.meta.resolve or new URL. */
export interface ModuleReference {
  specifier: string;
  line: number;
}

/** A use of something the house rules forbid, at least in some places. */
export interface Finding {
  rule:
    | 'console'
    | 'any'
    | 'non-null assertion'
    | 'silenced type checker'
    | 'default export'
    | 'module-level let'
    | 'environment variable'
    | 'to-do comment';
  line: number;
}

export interface SizedFunction {
  /** Names of the declarations around and of the function itself, joined with dots. */
  name: string;
  lines: number;
}

/** What the tidy rules need to know of one file. */
export interface Syntax {
  references: ModuleReference[];
  functions: SizedFunction[];
  findings: Finding[];
}

/** Parses a file and reads the facts off its syntax tree. Throws when it does not parse. */
export function readSyntax(source: Source): Syntax {
  const { program, comments, errors } = parseSync(source.path, source.text);
  const error = errors[0];
  if (error) throw new SyntaxError(`${source.path}: ${error.message}`);
  const lineAt = lineCounter(source.text);
  const references: ModuleReference[] = [];
  const findings: Finding[] = [];
  for (const comment of comments) {
    const rule = commentRule(comment.value);
    if (rule) findings.push({ rule, line: lineAt(comment.start) });
  }
  for (const statement of program.body) {
    const declared = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
    if (
      declared?.type === 'VariableDeclaration' &&
      (declared.kind === 'let' || declared.kind === 'var') &&
      !declared.declare
    )
      findings.push({ rule: 'module-level let', line: lineAt(declared.start) });
  }
  const refer = (node: Node | null | undefined) => {
    if (node?.type === 'Literal' && typeof node.value === 'string')
      references.push({ specifier: node.value, line: lineAt(node.start) });
  };
  const find = (rule: Finding['rule']) => (node: Node) =>
    void findings.push({ rule, line: lineAt(node.start) });
  new Visitor(referenceVisitor(refer)).visit(program);
  new Visitor(findingVisitor(find)).visit(program);
  return { references, findings, functions: sizeFunctions(program, lineAt) };
}

function commentRule(text: string): Finding['rule'] | undefined {
  if (/@ts-(?:ignore|nocheck|expect-error)/.test(text)) return 'silenced type checker';
  return /\b(?:TODO|FIXME|XXX|HACK)\b/.test(text) ? 'to-do comment' : undefined;
}

function referenceVisitor(refer: (node: Node | null | undefined) => void): VisitorObject {
  return {
    ImportDeclaration: (node) => refer(node.source),
    ExportNamedDeclaration: (node) => refer(node.source),
    ExportAllDeclaration: (node) => refer(node.source),
    ImportExpression: (node) => refer(node.source),
    TSImportType: (node) => refer(node.source),
    CallExpression: ({ callee, arguments: args }) => {
      if (isMember(callee, 'resolve') && callee.object.type === 'MetaProperty') refer(args[0]);
    },
    NewExpression: ({ callee, arguments: args }) => {
      const base = args[1];
      if (isName(callee, 'URL') && isMember(base, 'url') && base.object.type === 'MetaProperty')
        refer(args[0]);
    },
  };
}

function findingVisitor(find: (rule: Finding['rule']) => (node: Node) => void): VisitorObject {
  const environment = find('environment variable');
  return {
    TSAnyKeyword: find('any'),
    TSNonNullExpression: find('non-null assertion'),
    ExportDefaultDeclaration: find('default export'),
    MemberExpression: (node) => {
      if (isName(node.object, 'console')) find('console')(node);
      if (isMember(node, 'env') && (isName(node.object, 'process') || node.object.type === 'MetaProperty'))
        environment(node);
    },
    VariableDeclarator: (node) => {
      if (node.definite) find('non-null assertion')(node);
      if (!node.init || !isName(node.init, 'process') || node.id.type !== 'ObjectPattern') return;
      if (node.id.properties.some((property) => property.type === 'Property' && isName(property.key, 'env')))
        environment(node);
    },
    PropertyDefinition: (node) => {
      if (node.definite) find('non-null assertion')(node);
    },
    ImportDeclaration: (node) => {
      if (!/^(?:node:)?process$/.test(node.source.value)) return;
      if (node.specifiers.some((one) => one.type === 'ImportSpecifier' && isName(one.imported, 'env')))
        environment(node);
    },
  };
}

function isName(node: Node, name: string): boolean {
  return node.type === 'Identifier' && node.name === name;
}

function isMember(node: Node | undefined, property: string): node is StaticMemberExpression {
  return node?.type === 'MemberExpression' && !node.computed && isName(node.property, property);
}

/** Every function with its lines, from the first of its signature to its closing brace, nested functions included. */
function sizeFunctions(program: Program, lineAt: (offset: number) => number): SizedFunction[] {
  const sized: SizedFunction[] = [];
  const names: string[] = [];
  const namedByParent = new Set<Node>();
  const enter = (name: string, value?: Node | null) => {
    names.push(name);
    if (value) namedByParent.add(value);
  };
  const leave = () => void names.pop();
  const enterFunction = (node: FunctionNode | ArrowFunctionExpression) => {
    if (!namedByParent.has(node)) enter(node.id?.name ?? 'callback');
    sized.push({ name: names.join('.'), lines: lineAt(node.end) - lineAt(node.start) + 1 });
  };
  const leaveFunction = (node: Node) => {
    if (!namedByParent.has(node)) leave();
  };
  new Visitor({
    VariableDeclarator: (node) => enter(node.id.type === 'Identifier' ? node.id.name : 'pattern', node.init),
    'VariableDeclarator:exit': leave,
    Property: (node) => enter(keyName(node.key), node.value),
    'Property:exit': leave,
    PropertyDefinition: (node) => enter(keyName(node.key), node.value),
    'PropertyDefinition:exit': leave,
    MethodDefinition: (node) => enter(keyName(node.key), node.value),
    'MethodDefinition:exit': leave,
    ClassDeclaration: (node) => enter(node.id?.name ?? 'class'),
    'ClassDeclaration:exit': leave,
    FunctionDeclaration: enterFunction,
    'FunctionDeclaration:exit': leaveFunction,
    FunctionExpression: enterFunction,
    'FunctionExpression:exit': leaveFunction,
    ArrowFunctionExpression: enterFunction,
    'ArrowFunctionExpression:exit': leaveFunction,
  }).visit(program);
  return sized;
}

function keyName(key: Node): string {
  if (key.type === 'Identifier' || key.type === 'PrivateIdentifier') return key.name;
  return key.type === 'Literal' ? String(key.value) : 'computed';
}

/** 1-based line of an offset. */
function lineCounter(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}
