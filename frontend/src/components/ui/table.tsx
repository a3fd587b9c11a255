/** Plain tables: a caption for screen readers, column heads, hairlines. Figures stand right and line up. */
import type { ComponentProps, ReactNode } from "react";
import { cn } from "@/lib/cn";

interface TableProps {
  caption: string;
  head: ReactNode;
  children: ReactNode;
  foot?: ReactNode;
}

export function Table({ caption, head, children, foot }: TableProps) {
  return (
    <table className="w-full border-collapse text-[0.8125rem]">
      <caption className="sr-only">{caption}</caption>
      <thead className="border-line border-y bg-surface-2 text-ink-2 text-xs">
        <tr>{head}</tr>
      </thead>
      <tbody className="divide-y divide-line">{children}</tbody>
      {foot && <tfoot className="border-line border-t font-medium">{foot}</tfoot>}
    </table>
  );
}

const cell = "px-3 py-2 first:ps-4 last:pe-4";

export function Th({ figure, className, ...rest }: ComponentProps<"th"> & { figure?: boolean }) {
  return (
    <th scope="col" className={cn(cell, "whitespace-nowrap", figure && "text-end", className)} {...rest} />
  );
}

export function Td({ figure, className, ...rest }: ComponentProps<"td"> & { figure?: boolean }) {
  return <td className={cn(cell, figure && "num whitespace-nowrap text-end", className)} {...rest} />;
}

export function RowHead({ className, ...rest }: ComponentProps<"th">) {
  return <th scope="row" className={cn(cell, "text-start font-medium", className)} {...rest} />;
}
