/** A record's name or id, which leads on to where it comes from. */
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { cn } from "@/lib/cn";
import type { EntityType } from "@/lib/entity-types";

export function RecordLink({
  type,
  id,
  className,
  children,
}: {
  type: EntityType;
  id: string;
  className?: string;
  children: ReactNode;
}) {
  return (
    <Link
      to="/data-lake/lineage/$type/$id"
      params={{ type, id }}
      className={cn("break-all text-accent-text underline-offset-2 hover:underline", className)}
    >
      {children}
    </Link>
  );
}
